// A layer as a registry sends it: plain, gzip or zstd. What its inventory says must survive being
// written down.
#include <cstdlib>

#include "agent/inspect/inventory_builder.hpp"
#include "agent/inspect/inventory_text.hpp"
#include "common/crypto.hpp"

namespace {

using namespace nodeproof;

class Reader final : public ByteReader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), rest_.size());
    std::ranges::copy(rest_.first(count), buffer.begin());
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  Bytes rest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  Reader reader(bytes);
  inspect::AnalyserLimits limits;
  limits.inventory = std::uint64_t{8} << 20;  // a small input must not claim more either
  const auto inventory = inspect::take_inventory(hash_of(bytes), reader,
                                                 {.spool_directory = "/tmp", .limits = limits});
  if (inventory.problem) return 0;
  const auto again = inspect::parse_inventory(inspect::to_text(inventory));
  if (!again || *again != inventory) std::abort();
  return 0;
}
