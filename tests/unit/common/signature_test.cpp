#include <gtest/gtest.h>

#include "common/crypto.hpp"
#include "common/crypto_keys.hpp"
#include "common/dsse.hpp"
#include "tests/fakes/keys.hpp"

namespace nodeproof {
namespace {

using dsse::Envelope;

PublicKey public_key(const char* pem = fakes::kExamplePublicKey) {
  return PublicKey::parse(pem).value();
}

PrivateKey private_key(const char* pem = fakes::kExampleKey) {
  return PrivateKey::parse(pem).value();
}

// protocol.md, "Test Vectors": r and s, 64 bytes.
constexpr const char* kExampleEnvelope =
    R"({"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld",
        "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]})";

TEST(PreAuthenticationEncoding, IsThatOfTheSpecificationsExample) {
  EXPECT_EQ(dsse::pre_authentication_encoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST(PreAuthenticationEncoding, CountsBytesAndCannotBeReadInTwoWays) {
  EXPECT_EQ(dsse::pre_authentication_encoding("", ""), "DSSEv1 0  0 ");
  EXPECT_EQ(dsse::pre_authentication_encoding("t", "\xc3\xa9"), "DSSEv1 1 t 2 \xc3\xa9");
  EXPECT_NE(dsse::pre_authentication_encoding("a 1 b", "c"),
            dsse::pre_authentication_encoding("a", "b 1 c"));
}

TEST(Keys, VerifyTheSpecificationsExample) {
  const auto envelope = dsse::parse(kExampleEnvelope);
  ASSERT_TRUE(envelope) << envelope.error().message;
  EXPECT_EQ(envelope->payload, "hello world");
  const std::vector<PublicKey> keys{public_key(fakes::kOtherPublicKey), public_key()};
  EXPECT_EQ(dsse::signer(*envelope, keys), &keys[1]);
}

TEST(Keys, TakeUrlSafeBase64AndNoPadding) {
  const auto envelope = dsse::parse(
      R"({"payload": "-_8", "payloadType": "t", "signatures": [{"keyid": "any", "sig": "-_8="}]})");
  ASSERT_TRUE(envelope) << envelope.error().message;
  EXPECT_EQ(envelope->payload, "\xfb\xff");
  EXPECT_EQ(envelope->signatures, std::vector<std::string>{"\xfb\xff"});
}

// openssl pkey -pubin -outform DER | sha256sum
TEST(Keys, AreNamedByTheHashOfTheirPublicPart) {
  EXPECT_EQ(public_key().id().str(),
            "sha256:f793580060562d6ff075d814ea698c282fcc779b0cde64d79ffc6301df00d14b");
  EXPECT_EQ(private_key().public_key()->id(), public_key().id());
  EXPECT_EQ(private_key(fakes::kExampleKeyPkcs8).public_key()->id(), public_key().id());
}

TEST(Keys, SignInDerWhatTheirPublicPartVerifies) {
  for (const char* pem : {fakes::kExampleKey, fakes::kExampleKeyPkcs8}) {
    const auto signature = private_key(pem).sign(as_bytes("hello"));
    ASSERT_TRUE(signature);
    EXPECT_EQ(signature->front(), '\x30');
    EXPECT_TRUE(public_key().verifies(as_bytes("hello"), as_bytes(*signature)));
    EXPECT_FALSE(public_key().verifies(as_bytes("hullo"), as_bytes(*signature)));
    EXPECT_FALSE(
        public_key(fakes::kOtherPublicKey).verifies(as_bytes("hello"), as_bytes(*signature)));
  }
}

TEST(Keys, TakeNoDamagedSignatures) {
  const std::string good = private_key().sign(as_bytes("hello")).value();
  EXPECT_FALSE(public_key().verifies(as_bytes("hello"), {}));
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(public_key().verifies(as_bytes("hello"), as_bytes(good.substr(0, size))));
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(public_key().verifies(as_bytes("hello"), as_bytes(bad))) << i;
  }
  EXPECT_FALSE(public_key().verifies(as_bytes("hello"), as_bytes(good + '\0')));
  EXPECT_FALSE(public_key().verifies(as_bytes("hello"), as_bytes(std::string(64, '\0'))));
  EXPECT_FALSE(public_key().verifies(as_bytes("hello"), as_bytes(std::string(64, '\xff'))));
}

TEST(Keys, OfOtherKindsAreRefusedByName) {
  EXPECT_EQ(PublicKey::parse(fakes::kRsaPublicKey).error().code, Errc::unsupported);
  EXPECT_EQ(PrivateKey::parse(fakes::kP384Key).error().code, Errc::unsupported);
  const auto encrypted = PrivateKey::parse(fakes::kEncryptedKey);
  ASSERT_FALSE(encrypted);
  EXPECT_NE(encrypted.error().message.find("encrypted"), std::string::npos);
}

TEST(Keys, ThatAreNoneAreRefusedAndNotQuoted) {
  const std::string der = base64_decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").value();
  for (const std::string& text :
       {std::string(), std::string("hello"), der, std::string("-----BEGIN PUBLIC KEY-----\n"),
        std::string(fakes::kExamplePublicKey).substr(0, 80), std::string(20000, 'x'),
        "-----BEGIN PUBLIC KEY-----\n" + std::string(1, '\0') + "-----END PUBLIC KEY-----\n"}) {
    EXPECT_FALSE(PublicKey::parse(text));
    EXPECT_FALSE(PrivateKey::parse(text));
  }
  EXPECT_FALSE(PublicKey::parse(fakes::kExampleKey)) << "a private key is not shown around";
  const auto wrong = PrivateKey::parse(fakes::kExamplePublicKey);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message.find("MFkw"), std::string::npos);
}

TEST(Envelope, ComesBackWithWhatWasSigned) {
  Envelope envelope{"application/vnd.in-toto+json", R"({"a":"é"})", {}};
  ASSERT_TRUE(dsse::sign(envelope, private_key()));
  ASSERT_TRUE(dsse::sign(envelope, private_key(fakes::kOtherKey)));
  const auto back = dsse::parse(dsse::to_json(envelope));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, envelope);
  // Stock cosign refuses a keyid that is not of its own kind.
  EXPECT_EQ(dsse::to_json(envelope).find("keyid"), std::string::npos);
}

TEST(Envelope, WithTwoSignaturesIsGoodForEitherKey) {
  Envelope envelope{"t", "body", {"not a signature"}};
  ASSERT_TRUE(dsse::sign(envelope, private_key(fakes::kOtherKey)));
  const std::vector<PublicKey> other{public_key(fakes::kOtherPublicKey)};
  const std::vector<PublicKey> example{public_key()};
  EXPECT_EQ(dsse::signer(envelope, other), other.data());
  EXPECT_EQ(dsse::signer(envelope, example), nullptr);
  ASSERT_TRUE(dsse::sign(envelope, private_key()));
  EXPECT_EQ(dsse::signer(envelope, example), example.data());
  EXPECT_EQ(dsse::signer(envelope, {}), nullptr);
}

TEST(Envelope, ThatWasChangedIsSignedByNobody) {
  Envelope envelope{"t", "body", {}};
  ASSERT_TRUE(dsse::sign(envelope, private_key()));
  const std::vector<PublicKey> keys{public_key()};
  Envelope other_payload = envelope, other_type = envelope, moved = envelope;
  other_payload.payload = "bodY";
  other_type.payload_type = "T";
  moved.payload_type = "t 4";
  moved.payload = "";
  EXPECT_NE(dsse::signer(envelope, keys), nullptr);
  EXPECT_EQ(dsse::signer(other_payload, keys), nullptr);
  EXPECT_EQ(dsse::signer(other_type, keys), nullptr);
  EXPECT_EQ(dsse::signer(moved, keys), nullptr);
}

TEST(Envelope, ThatIsNoneIsRefused) {
  std::string many = R"({"payload":"","payloadType":"t","signatures":[)";
  for (int i = 0; i < 17; ++i) many += std::string(i == 0 ? "" : ",") + R"({"sig":""})";
  many += "]}";
  for (const std::string& text : std::vector<std::string>{
           "", "[]", "null", "{}", R"({"payload":"","payloadType":"t"})",
           R"({"payload":1,"payloadType":"t","signatures":[]})",
           R"({"payload":"!","payloadType":"t","signatures":[]})",
           R"({"payload":"","payloadType":2,"signatures":[]})",
           R"({"payload":"","payloadType":"t","signatures":{}})",
           R"({"payload":"","payloadType":"t","signatures":["x"]})",
           R"({"payload":"","payloadType":"t","signatures":[{}]})",
           R"({"payload":"","payload":"QQ==","payloadType":"t","signatures":[]})",
           R"({"payload":"","payloadType":"t","signatures":[]} x)", many,
           R"({"payload":")" + std::string(1 << 20, 'A') +
               R"(","payloadType":"t","signatures":[]})",
           R"({"payload":"","payloadType":"t","signatures":[[[[[[[[[[[]]]]]]]]]]]})"}) {
    EXPECT_FALSE(dsse::parse(text)) << text.substr(0, 80);
  }
}

}  // namespace
}  // namespace nodeproof
