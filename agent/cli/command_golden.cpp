#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/cli/report_file.hpp"
#include "agent/cli/side_file.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/tag_lock.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/report/golden.hpp"
#include "agent/report/golden_registry.hpp"
#include "common/clock.hpp"
#include "common/file.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

struct GoldenOptions {
  std::string verb;
  std::string report;
  std::string image;
  std::string key;                // private
  std::vector<std::string> keys;  // public
  std::string file;
};

constexpr auto kUnfit = std::to_array({Errc::not_found, Errc::unsupported, Errc::invalid_document,
                                       Errc::corrupt, Errc::digest_mismatch});

struct Signed {
  std::string text;  // the envelope as it is in the file
  dsse::Envelope envelope;
  report::GoldenRecord record;
};

Result<Signed> parse_signed(std::string text) {
  dsse::Envelope envelope = TRY(dsse::parse(text));
  if (envelope.payload_type != report::kStatementType) {
    return fail(Errc::unsupported, "what is signed here is no in-toto statement");
  }
  report::GoldenRecord record = TRY(report::from_statement(envelope.payload));
  return Signed{std::move(text), std::move(envelope), std::move(record)};
}

Result<Signed> read_signed(const std::string& path) {
  const SideFile file{"FILE", path};
  auto found = parse_signed(TRY(read_side_file(file)));
  if (!found) return std::unexpected(not_usable(file, std::move(found).error()));
  return found;
}

// A key given as the file to write would be lost.
Result<> check_replaceable(const SideFile& file) {
  std::error_code absent;
  if (std::filesystem::file_size(file.path, absent) == 0 || absent) return {};
  const auto text = read_file(file.path);
  if (text && dsse::parse(*text)) return {};
  return std::unexpected(not_usable(file, {Errc::usage, "it holds something else than a reference",
                                           "name another file, or remove this one"}));
}

std::string described(const report::GoldenRecord& record) {
  const std::size_t tests = record.tests.size();
  return std::to_string(tests) + (tests == 1 ? " test of " : " tests of ") +
         printable(record.reference) + " (" + record.digest + ") on " + printable(record.platform) +
         ", node " + printable(record.node) + ", " + to_rfc3339(record.time);
}

Result<> record(Session& session, const GoldenOptions& options) {
  const SideFile file{"-f", options.file};
  const NodeReport report = TRY(read_report(options.report));
  const report::GoldenRecord golden = TRY(report::golden_of(report, options.image));
  const PrivateKey key = TRY(read_private_key(options.key));
  const PublicKey shown = TRY(key.public_key());
  TRY(check_writable_file(file));
  TRY(check_replaceable(file));
  dsse::Envelope envelope{std::string(report::kStatementType), report::to_statement(golden), {}};
  TRY(dsse::sign(envelope, key));
  auto written = write_file_atomically(options.file, dsse::to_json(envelope) + "\n");
  if (!written) return std::unexpected(not_written(file, std::move(written).error()));
  if (session.globals.json()) {
    json::Writer out(true);
    out.begin_object().member("image", golden.reference).member("indexDigest", golden.digest);
    out.member("tests", std::uint64_t{golden.tests.size()}).member("keyId", shown.id().str());
    session.streams.out << out.member("file", options.file).end_object().str() << '\n';
  } else {
    session.streams.out << "recorded " << described(golden) << "\nsigned with the key "
                        << shown.id().str() << '\n';
  }
  return {};
}

Result<report::PushedGolden> push_to(const Reference& image, const Signed& golden,
                                     const config::Config& config, const std::stop_token& stop) {
  const Digest subject = TRY(Digest::parse(golden.record.digest));
  const Reference tag = TRY(report::referrers_tag(image, subject));
  const auto lock = TRY(TagLock::take({.tag = tag, .wait = std::chrono::minutes(1)}, stop));
  const auto access = RegistryAccess::open(config);
  return report::push_golden({access->origin(), access->writer()},
                             {image, subject, golden.text, to_rfc3339(golden.record.time)}, stop);
}

Result<> push(Session& session, const GoldenOptions& options) {
  const SignalStop signals;
  const config::Config config = TRY(load_config(session.globals));
  const Signed golden = TRY(read_signed(options.file));
  const Reference image =
      TRY(Reference::parse(options.image.empty() ? golden.record.reference : options.image));
  const auto pushed = TRY(push_to(image, golden, config, signals.token()));
  if (session.globals.json()) {
    json::Writer out(true);
    out.begin_object().member("repository", image.repository());
    out.member("indexDigest", golden.record.digest).member("digest", pushed.digest.str());
    out.member("tag", pushed.tag).member("already", pushed.already);
    session.streams.out << out.end_object().str() << '\n';
    return {};
  }
  session.streams.out << (pushed.already ? "already there: " : "pushed ") << pushed.digest.str()
                      << " beside " << golden.record.digest << " in " << image.repository() << "\n"
                      << (pushed.tag.empty() ? "the registry lists it as a referrer"
                                             : "listed by the tag " + pushed.tag)
                      << '\n';
  return {};
}

void print_shown(Session& session, const Signed& golden, const PublicKey* signer) {
  if (session.globals.json()) {
    json::Writer out(true);
    out.begin_object().member("signedBy", signer == nullptr ? "" : signer->id().str());
    out.key("statement").raw(golden.envelope.payload).end_object();
    session.streams.out << out.str() << '\n';
    return;
  }
  session.streams.out << described(golden.record) << '\n';
  for (const report::GoldenTest& test : golden.record.tests) {
    session.streams.out << "  " << printable(test.name) << ": exit " << test.exit << ", output "
                        << printable(test.normalised_sha256) << '\n';
  }
  session.streams.out << (signer == nullptr ? "signature not looked at: name the public key with "
                                              "--key"
                                            : "signed with the key " + signer->id().str())
                      << '\n';
}

Result<> show(Session& session, const GoldenOptions& options) {
  const Signed golden = TRY(read_signed(options.file));
  std::vector<PublicKey> keys;
  keys.reserve(options.keys.size());
  for (const std::string& path : options.keys) keys.push_back(TRY(read_public_key(path)));
  const PublicKey* signer = dsse::signer(golden.envelope, keys);
  if (signer == nullptr && !keys.empty()) {
    return fail(Errc::corrupt, options.file + " is signed by none of the keys",
                "it was changed after it was signed, or signed with another key");
  }
  print_shown(session, golden, signer);
  return {};
}

int golden(Session& session, const GoldenOptions& options) {
  const auto done = options.verb == "record" ? record(session, options)
                    : options.verb == "push" ? push(session, options)
                                             : show(session, options);
  return done ? static_cast<int>(exit_ok) : complain(session, done.error(), Judged{kUnfit});
}

CLI::App* add_verb(CLI::App& app, const std::shared_ptr<GoldenOptions>& options,
                   const std::string& verb, const std::string& summary) {
  CLI::App* sub = app.add_subcommand(verb, summary);
  sub->parse_complete_callback([options, verb] { options->verb = verb; });
  return sub;
}

}  // namespace

// 0 done; 1 the report is no reference, the repository lacks the image, or no key has signed it; 2
// not known.
Action declare_golden(CLI::App& app) {
  auto options = std::make_shared<GoldenOptions>();
  app.require_subcommand(1);
  CLI::App* record =
      add_verb(app, options, "record", "sign what the tests of an image gave on a node");
  record->add_option("report", options->report, "the node's report (check -o json)")->required();
  record->add_option("--image", options->image, "the image, as the report names it")->required();
  record->add_option("--key", options->key, "private key: ECDSA P-256, PEM")->required();
  record->add_option("-f,--file", options->file, "write the signed reference here")->required();
  CLI::App* push = add_verb(app, options, "push", "put a reference beside its image's index");
  push->add_option("file", options->file, "the signed reference")->required();
  push->add_option("--image", options->image,
                   "the image whose repository it goes to (the one it was recorded of)");
  CLI::App* show = add_verb(app, options, "show", "what a reference says, and who signed it");
  show->add_option("file", options->file, "the signed reference")->required();
  show->add_option("--key", options->keys, "public key that must have signed it (repeatable)")
      ->allow_extra_args(false);
  return [options](Session& session) { return golden(session, *options); };
}

}  // namespace nodeproof::cli
