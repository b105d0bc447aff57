#include "agent/cli/required_images.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/known_images.hpp"
#include "agent/kubernetes/cluster_images.hpp"
#include "agent/kubernetes/credentials.hpp"
#include "agent/kubernetes/node_name.hpp"
#include "agent/required_set.hpp"
#include "common/clock.hpp"
#include "common/file.hpp"
#include "common/http_curl.hpp"
#include "common/log.hpp"
#include "common/reference.hpp"

namespace nodeproof::cli {
namespace {

using kubernetes::ClusterImages;

// The daemon gives a look 50 s; a call of which the first answer is a 401 is made twice.
constexpr kubernetes::Patience kOfALook{std::chrono::seconds(5), std::chrono::seconds(10),
                                        std::chrono::seconds(30)};

// The same as in the report.
std::string host_name(const CycleConfig& cycle) {
  if (!cycle.settings.node.name.empty()) return cycle.settings.node.name;
  std::string name = read_file(cycle.host_root / "proc/sys/kernel/hostname").value_or("");
  while (name.ends_with('\n')) name.pop_back();
  return name;
}

// A pod's secret is no reason to log in otherwise for what the operator has named.
std::set<registry::Place> places_of(const std::vector<RequiredImage>& configured) {
  std::set<registry::Place> places;
  for (const RequiredImage& image : configured) {
    const auto reference = Reference::parse(image.reference);
    if (reference) places.insert({reference->domain(), reference->path()});
  }
  return places;
}

registry::PodLogins logins_of(const std::vector<kubernetes::PullLogin>& given,
                              const std::set<registry::Place>& configured, Found& into) {
  registry::PodLogins logins;
  for (const kubernetes::PullLogin& each : given) {
    const auto image = Reference::parse(each.reference);
    if (!image) continue;
    const registry::Place place{image->domain(), image->path()};
    auto& of_place = logins[place];
    const bool known =
        std::ranges::find(of_place, each.source, &registry::PodLogin::source) != of_place.end();
    if (known) continue;
    auto config = registry::DockerConfig::parse(each.docker_config, each.source);
    if (config) {
      of_place.push_back({*std::move(config), each.source, configured.contains(place)});
    } else {
      into.findings.push_back(images_not_known(config.error(), Severity::warn));
    }
  }
  return logins;
}

// What the API server says, or said last.
class Cluster {
 public:
  Cluster(const CycleConfig& cycle, Ask ask, Found& found)
      : cycle_(cycle), ask_(ask), found_(found), known_(load_known_images(cycle.state_dir)) {}

  registry::PodLogins look(const std::stop_token& stop) {
    const config::ImagesFrom& from = cycle_.settings.images_from;
    const auto around = kubernetes::Surroundings::of_this_process();
    kubernetes::Client client(
        http_, clock_, [&] { return kubernetes::find_credentials(from.kubeconfig, around); },
        ask_ == Ask::without_logins ? kOfALook : kubernetes::Patience{});
    const bool logins = ask_ == Ask::everything || ask_ == Ask::to_plan;
    kubernetes::ClusterReader reader(
        client, {.logins = logins, .taint = cycle_.settings.report.kubernetes.taint}, stop);
    const auto node = find_node(client, around);
    const auto answer_of = [&](auto question) -> Result<ClusterImages> {
      const std::string name = TRY(node);
      return (reader.*question)(name);
    };
    take("pods", from.pods, [&] { return answer_of(&kubernetes::ClusterReader::pods); });
    take("daemonsets", from.daemonsets,
         [&] { return answer_of(&kubernetes::ClusterReader::daemonsets); });
    keep();
    return logins_of(logins_, places_of(cycle_.settings.images), found_);
  }

 private:
  // Behind it the server and the node are known, and what they said before.
  Result<std::string> find_node(kubernetes::Client& client,
                                const kubernetes::Surroundings& around) {
    if (ask_ == Ask::nobody) return fail(Errc::deferred, "it is not asked");
    std::string name = TRY(
        kubernetes::node_name(cycle_.settings.report.kubernetes.node, around, host_name(cycle_)));
    TRY(client.load());
    known_ = known_of(std::move(known_), client.server(), name);
    return name;
  }

  template <class Answer>
  void take(const std::string& source, bool wanted, Answer answer) {
    if (!wanted) {
      changed_ |= known_.sources.erase(source) > 0;
      return;
    }
    auto said = answer();
    if (said) {
      learn(source, *std::move(said));
    } else {
      recall(source, std::move(said).error());
    }
    const auto images = known_.sources.find(source);
    if (images == known_.sources.end()) return;
    found_.images.insert(found_.images.end(), images->second.begin(), images->second.end());
  }

  void learn(const std::string& source, ClusterImages said) {
    std::vector<FoundImage>& images = known_.sources[source];
    changed_ = true;
    images.clear();
    for (kubernetes::ClusterImage& each : said.images) {
      FoundImage image;
      image.image.reference = std::move(each.reference);
      image.origin = std::move(each.origin);
      images.push_back(std::move(image));
    }
    // The same in whatever order the API server lists it.
    std::ranges::sort(images, {}, [](const FoundImage& image) {
      return std::pair(image.image.reference, image.origin);
    });
    std::ranges::move(said.logins, std::back_inserter(logins_));
    for (const Error& problem : said.problems) {
      found_.findings.push_back(images_not_known(problem, Severity::warn));
    }
  }

  void recall(const std::string& source, Error error) {
    if (ask_ == Ask::nobody) return;
    const bool stands = known_.sources.contains(source) && is_away(error.code);
    error = std::move(error).with_context("the " + source + " of this node");
    constexpr std::string_view kOther = "report.kubernetes.kubeconfig";  // whose words these are
    if (const auto at = error.remedy.find(kOther); at != std::string::npos) {
      error.remedy.replace(at, kOther.size(), "images_from.kubeconfig");
    }
    if (stands) error.message += "; what was known last stands";
    found_.findings.push_back(images_not_known(error, stands ? Severity::warn : Severity::unknown));
  }

  void keep() const {
    if (ask_ != Ask::everything || !changed_) return;
    const auto kept = save_known_images(cycle_.state_dir, known_);
    if (!kept) log::warning(kept.error().message);
  }

  const CycleConfig& cycle_;
  const Ask ask_;
  Found& found_;
  KnownImages known_;
  bool changed_ = false;  // by an answer: a wrong name of today takes nothing away
  std::vector<kubernetes::PullLogin> logins_;
  CurlHttpClient http_;
  SystemClock clock_;
};

}  // namespace

registry::PodLogins find_required(CycleConfig& cycle, Ask ask, const std::stop_token& stop) {
  const config::ImagesFrom& from = cycle.settings.images_from;
  if (from == config::ImagesFrom{}) return {};
  Found found = look_at_folders(from);
  // The API server's failures differ in their words; what it names differs in its images.
  const std::vector<Finding> of_folders = found.findings;
  const std::string of_folders_alone = fingerprint(from, found);
  registry::PodLogins logins;
  if (from.pods || from.daemonsets) logins = Cluster(cycle, ask, found).look(stop);
  cycle.fingerprint = of_folders_alone;
  if (from.pods || from.daemonsets) {
    cycle.fingerprint += " " + fingerprint(from, {found.images, of_folders});
  }
  RequiredSet set = required_set(std::move(cycle.settings.images), found);
  cycle.settings.images = std::move(set.images);
  cycle.origins = std::move(set.origins);
  cycle.findings = std::move(set.findings);
  return logins;
}

}  // namespace nodeproof::cli
