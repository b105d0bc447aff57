// Published test vectors as our own data files: one per line, columns between tabs, '#' for notes.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace nodeproof {

// A line with another number of columns is a failure of the test that reads it.
inline std::vector<std::vector<std::string>> read_vectors(const std::string& path,
                                                          std::size_t columns) {
  std::vector<std::vector<std::string>> vectors;
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    auto& vector = vectors.emplace_back();
    for (std::size_t at = line.find('\t'); at != std::string::npos; at = line.find('\t')) {
      vector.push_back(line.substr(0, at));
      line.erase(0, at + 1);
    }
    vector.push_back(line);
    EXPECT_EQ(vector.size(), columns) << path << ": " << line;
    vector.resize(columns);
  }
  return vectors;
}

}  // namespace nodeproof
