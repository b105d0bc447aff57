// ELF files that the build made (objects.cmake).
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "common/byte_source.hpp"
#include "common/elf.hpp"
#include "common/elf_code.hpp"

namespace nodeproof {

inline Result<elf::CodeFacts> scan(const ByteSource& source) {
  auto facts = elf::read(source);
  if (!facts) return std::unexpected(std::move(facts).error());
  return elf::scan_code(source, *facts);
}

inline Result<elf::CodeFacts> scan(const std::string& bytes) {
  return scan(MemorySource(as_bytes(bytes)));
}

inline elf::CodeFacts scan_compiled(const std::string& name) {
  const auto source = FileSource::open(std::string(NODEPROOF_OBJECTS) + "/" + name);
  EXPECT_TRUE(source) << name;
  if (!source) return {};
  auto code = scan(*source);
  EXPECT_TRUE(code) << name << ": " << code.error().message;
  return code ? *code : elf::CodeFacts{};
}

}  // namespace nodeproof
