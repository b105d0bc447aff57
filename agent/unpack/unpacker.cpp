#include "agent/unpack/unpacker.hpp"

#include <sys/wait.h>

#include <cerrno>
#include <utility>

#include "agent/unpack/documents.hpp"
#include "agent/unpack/errand.hpp"

namespace nodeproof::unpack {
namespace {

Result<UnpackedLayer> outcome_of(Errand& errand) {
  const std::string text = TRY(errand.outcome());
  return decode_outcome(text);
}

class Writing final : public LayerWriting {
 public:
  explicit Writing(Errand errand) : errand_(std::move(errand)) {}
  void abandon() override { errand_.abandon(); }
  bool write(Bytes plain_tar) override { return errand_.send(plain_tar); }
  Result<UnpackedLayer> finish() override { return outcome_of(errand_); }

 private:
  Errand errand_;
};

class Unpacker final : public LayerUnpacker {
 public:
  Unpacker(UniqueFd broker, pid_t process) : broker_(std::move(broker)), process_(process) {}
  ~Unpacker() override {
    broker_.reset();
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  Result<std::unique_ptr<LayerWriting>> begin(const LayerDirectory& directory) override {
    const Task task =
        directory.whiteouts == Whiteouts::remove ? Task::write_remove : Task::write_overlay;
    Errand errand = TRY(Errand::start(broker_.get(), task, directory.path));
    if (errand.has_begun()) return std::make_unique<Writing>(std::move(errand));
    Result<UnpackedLayer> outcome = outcome_of(errand);
    if (!outcome) return std::unexpected(std::move(outcome).error());
    return fail(Errc::internal, "the process that writes a layer ended before it began");
  }

  Result<> adopt(const Adoption& adoption) override {
    const std::string text = TRY(encode(adoption));
    Errand errand = TRY(Errand::start(broker_.get(), Task::adopt, adoption.place));
    errand.send(as_bytes(text));  // where it takes no more, its outcome says why
    TRY(outcome_of(errand));
    return {};
  }

 private:
  UniqueFd broker_;
  pid_t process_;
};

}  // namespace

std::unique_ptr<LayerUnpacker> make_unpacker(UniqueFd broker, pid_t process) {
  return std::make_unique<Unpacker>(std::move(broker), process);
}

}  // namespace nodeproof::unpack
