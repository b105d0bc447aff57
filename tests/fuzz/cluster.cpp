// What an API server and a folder of manifests say of pods: YAML, which JSON is, too.
#include "agent/kubernetes/node_affinity.hpp"
#include "agent/kubernetes/pod.hpp"
#include "common/bytes.hpp"
#include "common/yaml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nodeproof;
  const std::string_view text = as_text(std::as_bytes(std::span(data, size)));
  const auto document = yaml::parse(text);
  if (!document) return 0;
  static_cast<void>(kubernetes::read_pod(*document));
  static_cast<void>(kubernetes::read_pod_spec(*document));
  const auto landing = kubernetes::read_landing(*document);
  if (landing) static_cast<void>(kubernetes::node_fits(*document, *landing));
  const auto tolerations = kubernetes::read_tolerations(*document);
  if (landing && tolerations) static_cast<void>(kubernetes::tolerates(*tolerations, *landing));
  return 0;
}
