// An image's tests beside those of other nodes.
#include "agent/codes.hpp"
#include "agent/report/code_texts.hpp"

namespace nodeproof::report {
namespace {

constexpr CodeText kTexts[] = {
    {.code = code::kOutputDiffers,
     .title = "A test gives something else than on the reference node",
     .cause = "The program computes, formats or orders something in another way on this processor, "
              "board or kernel, or the variants of the tag are not builds of the same thing.",
     .detection = "Exit status and digest of the normalised output of the same test of the same "
                  "index were compared with those of a signed report (golden in the "
                  "configuration).",
     .remedy = "Run the test in the image on both machines and compare what it writes. Mend the "
               "program; where the output has to differ, take that part out of the test, or record "
               "a reference for this architecture.",
     .example =
         "Float-to-integer conversion out of range and the signedness of char differ between "
         "amd64 and arm64: a checksum over such values does, too.",
     .exact = true},
    {.code = code::kNoReference,
     .title = "There is no reference to compare a test with",
     .cause = "No report was recorded for this index, it does not have this test, or it could not "
              "be fetched when the image was proven.",
     .detection = "The report that golden names was looked up by the digest of the image's index.",
     .remedy = "On a node whose output is right: nodeproof check -o json > report.json, then "
               "nodeproof golden record and nodeproof golden push; here nodeproof check --again.",
     .example = "A new tag was pushed, and the reference of the old one is about another index.",
     .exact = true},
    {.code = code::kReportNotSigned,
     .title = "What a node reports of an image is signed by none of the given keys",
     .cause = "The node signs nothing or with another key, the report was changed on its way, or a "
              "statement of another report was put into it.",
     .detection = "nodeproof fleet --key: the report's attestations (DSSE, in-toto) were verified, "
                  "and compared with its node, boot id, sequence, verdicts and digests.",
     .remedy =
         "Set report.signing.key on the node, give its public key to fleet --key, and collect "
         "the document that report.file or the webhook gives.",
     .example = "A report that status gave is not signed: it never left its node.",
     .exact = true},
    {.code = code::kReferenceNotTrusted,
     .title = "The reference is signed by none of the trusted keys",
     .cause = "It was signed with another key, changed after it was signed, or the public key "
              "named in golden.keys cannot be read.",
     .detection = "The signatures of the DSSE envelope were verified with each key of golden.keys "
                  "(ECDSA P-256, SHA-256).",
     .remedy = "Name the public key of whoever records references in golden.keys, or record and "
               "sign the reference again. Nothing was compared.",
     .example =
         "The signing key was renewed, and a part of the fleet still has the old public key.",
     .exact = true},
};

}  // namespace

std::span<const CodeText> parity_texts() { return kTexts; }

}  // namespace nodeproof::report
