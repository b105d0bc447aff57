// What most sources include anyway, read once (cross/precompiled.cmake). Sources name what they use all the same: clang-tidy
// reads them without this.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
