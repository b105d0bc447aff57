#include "agent/smoke/instruction.hpp"

#include <gtest/gtest.h>

#include "common/elf.hpp"

namespace nodeproof::smoke {
namespace {

using Names = std::vector<std::string_view>;

struct Case {
  std::string_view hex;  // in memory order, as an assembler gives them
  Names extensions;
};

TEST(DecodeInstruction, KnowsTheExtensionsOfArm64) {
  const Case cases[] = {
      {"400020b8", {"atomics"}},   // ldadd w0, w0, [x2]
      {"4000e0b8", {"atomics"}},   // ldaddal w0, w0, [x2]
      {"4080e0f8", {"atomics"}},   // swpal x0, x0, [x2]
      {"41fce0c8", {"atomics"}},   // casal x0, x1, [x2]
      {"447c2048", {"atomics"}},   // casp x0, x1, x4, x5, [x2]
      {"20c0bff8", {"lrcpc"}},     // ldapr x0, [x1]
      {"2040c21a", {"crc32"}},     // crc32b w0, w1, w2
      {"2048284e", {"aes"}},       // aese v0.16b, v1.16b
      {"20e0e20e", {"pmull"}},     // pmull v0.1q, v1.1d, v2.1d
      {"2000025e", {"sha1"}},      // sha1c q0, s1, v2.4s
      {"2040025e", {"sha2"}},      // sha256h q0, q1, v2.4s
      {"2028285e", {"sha2"}},      // sha256su0 v0.4s, v1.4s
      {"208062ce", {"sha512"}},    // sha512h q0, q1, v2.2d
      {"200c02ce", {"sha3"}},      // eor3 v0.16b, v1.16b, v2.16b, v3.16b
      {"2094824e", {"asimddp"}},   // sdot v0.4s, v1.16b, v2.16b
      {"20a4824e", {"i8mm"}},      // smmla v0.4s, v1.16b, v2.16b
      {"20fc426e", {"bf16"}},      // bfdot v0.4s, v1.8h, v2.8h
      {"2028e21e", {"fphp"}},      // fadd h0, h1, h2
      {"2014424e", {"asimdhp"}},   // fadd v0.8h, v1.8h, v2.8h
      {"2084826e", {"asimdrdm"}},  // sqrdmlah v0.4s, v1.4s, v2.4s
      {"20007e1e", {"jscvt"}},     // fjcvtzs w0, d1
      {"e0e31825", {"sve"}},       // ptrue p0.b
      {"0000c1da", {"paca"}},      // pacia x0, x0
      {"000038d5", {"cpuid"}},     // mrs x0, midr_el1
      {"00000000", {}},            // udf #0
      {"1f2003d5", {}},            // nop
      {"0000008b", {}},            // add x0, x0, x0
  };
  for (const Case& one : cases) {
    EXPECT_EQ(decode_instruction(elf::kMachineAArch64, one.hex).extensions, one.extensions)
        << one.hex;
  }
  EXPECT_EQ(decode_instruction(elf::kMachineAArch64, "00000000").what, "a deliberate trap (udf)");
}

TEST(DecodeInstruction, KnowsTheExtensionsOfAmd64) {
  const Case cases[] = {
      {"0f0b", {}},                                  // ud2
      {"c5f877", {"avx"}},                           // vzeroupper
      {"c5fc58c1", {"avx"}},                         // vaddps ymm0, ymm0, ymm1
      {"c5fdefc0", {"avx", "avx2"}},                 // vpxor ymm0, ymm0, ymm0
      {"c5f9efc0", {"avx"}},                         // vpxor xmm0, xmm0, xmm0
      {"c4e27198c2", {"avx", "fma"}},                // vfmadd132ps xmm0, xmm1, xmm2
      {"c4e27d13c1", {"avx", "f16c"}},               // vcvtph2ps ymm0, xmm1
      {"c4e2f8f2c1", {"bmi1"}},                      // andn rax, rax, rcx
      {"c4e2f9f7c1", {"bmi2"}},                      // shlx rax, rcx, rax
      {"62f17d48efc0", {"avx512f"}},                 // vpxord zmm0, zmm0, zmm0
      {"62f17d28efc0", {"avx512f", "avx512vl"}},     // vpxord ymm0, ymm0, ymm0
      {"62f27d4850c0", {"avx512f", "avx512_vnni"}},  // vpdpbusd zmm0, zmm0, zmm0
      {"62f27e4852c0", {"avx512f", "avx512_bf16"}},  // vdpbf16ps zmm0, zmm0, zmm0
      {"62f27d488dc0", {"avx512f", "avx512vbmi"}},   // vpermb zmm0, zmm0, zmm0
      {"62f2fd488dc0", {"avx512f", "avx512bw"}},     // vpermw zmm0, zmm0, zmm0
      {"62f57c4858c0", {"avx512f", "avx512_fp16"}},  // vaddph zmm0, zmm0, zmm0
      {"8fe878a2c000", {"xop"}},                     // vpcmov
      {"8f00", {}},                                  // pop
      {"f30fb8c1", {"popcnt"}},                      // popcnt eax, ecx
      {"f3480fb8c1", {"popcnt"}},                    // popcnt rax, rcx
      {"660f3800c1", {"ssse3"}},                     // pshufb xmm0, xmm1
      {"660f3817c1", {"sse4_1"}},                    // ptest xmm0, xmm1
      {"f20f38f0c1", {"sse4_2"}},                    // crc32 eax, cl
      {"660f38dcc1", {"aes"}},                       // aesenc xmm0, xmm1
      {"660f3a44c100", {"pclmulqdq"}},               // pclmulqdq xmm0, xmm1, 0
      {"0f38c8c1", {"sha_ni"}},                      // sha1nexte xmm0, xmm1
      {"0f38f001", {"movbe"}},                       // movbe eax, [rcx]
      {"480fc709", {"cx16"}},                        // cmpxchg16b [rcx]
      {"0fc7f0", {"rdrand"}},                        // rdrand eax
      {"0fc7f8", {"rdseed"}},                        // rdseed eax
      {"4889c8", {}},                                // mov rax, rcx
      {"", {}},
      {"zz", {}},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(decode_instruction(elf::kMachineX86_64, one.hex).extensions, one.extensions)
        << one.hex;
  }
  EXPECT_EQ(decode_instruction(elf::kMachineX86_64, "0f0b").what, "a deliberate trap (ud2)");
}

TEST(DecodeInstruction, SaysNothingAboutOtherMachines) {
  EXPECT_EQ(decode_instruction(elf::kMachineRiscV, "0f0b"), Instruction{});
}

}  // namespace
}  // namespace nodeproof::smoke
