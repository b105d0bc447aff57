// How long the inspection of an image takes whose layers' inventories are there:
//   inspect_bench FOLDER IMAGE TIMES   prints seconds per image; the registry is asked beforehand
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "agent/host/host.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/inventory_cache.hpp"
#include "agent/resolve/resolve.hpp"
#include "common/clock.hpp"
#include "common/http_curl.hpp"
#include "tests/fakes/direct_registry.hpp"

namespace nodeproof {
namespace {

Result<double> seconds_per_image(const std::string& folder, const std::string& name, int times) {
  CurlHttpClient http;
  SystemClock clock;
  fakes::DirectRegistry registry{http, clock, {}};
  const HostFacts host = host::read_host("/");
  const Reference reference = TRY(Reference::parse(name));
  const ResolvedImage image = TRY(resolve::resolve(registry, reference, host, {}));
  const inspect::InventoryCache cache{folder};
  const std::vector<SmokeTest> tests;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) {
    const auto layers = inspect::load_inventories(cache, image.document);
    for (const auto& layer : layers) {
      if (layer.problem) return std::unexpected(*layer.problem);
    }
    static_cast<void>(inspect::inspect({image, layers, host, Emulation::refuse, tests}));
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() / times;
}

}  // namespace
}  // namespace nodeproof

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const auto found = nodeproof::seconds_per_image(argv[1], argv[2], std::atoi(argv[3]));
  if (!found) {
    std::cerr << found.error().message << '\n';
    return 1;
  }
  std::cout << *found << '\n';
  return 0;
}
