// The same images and tests of several nodes side by side: what differs, and by which property of
// the nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "agent/report/table.hpp"

namespace nodeproof::report {

// What no test on one machine can show, in the words of our documents.
inline constexpr std::string_view kMemoryOrdering = "memory ordering";

struct ParityNode {
  std::string name;  // unique among them
  std::string architecture, board, kernel;
  std::uint64_t page_size = 0;  // bytes
  friend bool operator==(const ParityNode&, const ParityNode&) = default;
};

enum class Standing {
  told,          // a warning that some nodes have: changes no verdict
  not_compared,  // not known on some node
  differs,       // or fails
};

struct Observation {
  Standing standing = Standing::differs;
  std::string subject;             // a test's name, a finding's code; "" = the image
  std::string message;             // "fails on arm64 only"
  std::string by;                  // architecture, board, page size, kernel, node; "" = by none
  std::vector<std::string> nodes;  // where it is so
  std::vector<std::string> details;
  std::string remedy;
  friend bool operator==(const Observation&, const Observation&) = default;
};

struct ParityTest {
  std::string name;
  std::vector<std::optional<SmokeResult>>
      results;  // as the image's nodes; nothing = has no such test
  friend bool operator==(const ParityTest&, const ParityTest&) = default;
};

struct ParityImage {
  std::string reference;
  std::string digest;              // of the index, else of the manifest; "" = not known, or several
  std::vector<std::string> nodes;  // that have it
  std::vector<ParityTest> tests;
  std::size_t agreeing = 0;  // tests that every one of the nodes ran, with the same result
  std::vector<Observation> observations;
  friend bool operator==(const ParityImage&, const ParityImage&) = default;
};

enum class ParityVerdict { same, unknown, differs };

struct Parity {
  std::vector<ParityNode> nodes;
  std::vector<ParityImage> images;
  friend bool operator==(const Parity&, const Parity&) = default;
};

// At least two reports. Images are the same by their index digest, else by their manifest's, else
// by their name where no digest is known.
[[nodiscard]] Parity compare_nodes(std::span<const NodeReport> reports);

[[nodiscard]] ParityVerdict verdict_of(const ParityImage& image);
[[nodiscard]] ParityVerdict verdict_of(const Parity& parity);
[[nodiscard]] int exit_code(const Parity& parity);  // 0 same, 1 differs, 2 unknown

[[nodiscard]] std::string to_json(const Parity& parity);
[[nodiscard]] std::string to_table(const Parity& parity, const TableStyle& style = {});

}  // namespace nodeproof::report
