#include "common/json.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace nodeproof::json {
namespace {

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

Value parsed(std::string_view text, const ParseOptions& options = {}) {
  auto value = parse(text, options);
  EXPECT_TRUE(value) << value.error().message;
  return value ? *std::move(value) : Value{};
}

Error refused(std::string_view text, const ParseOptions& options = {}) {
  const auto value = parse(text, options);
  EXPECT_FALSE(value) << "accepted: " << text.substr(0, 80);
  return value ? Error{} : value.error();
}

TEST(Json, KeepsValuesWithTheirPathAndLine) {
  const Value root = parsed("{\n \"images\": [\n  {\"reference\": \"x\"},\n  {\"a b\": 7}\n ]\n}");
  const Value& images = **root.at("images");
  EXPECT_EQ(images.path(), "$.images");
  EXPECT_EQ(images.line(), 2U);
  ASSERT_EQ(images.items().size(), 2U);
  const Value& reference = **images.items()[0].at("reference");
  EXPECT_EQ(reference.path(), "$.images[0].reference");
  EXPECT_EQ(reference.line(), 3U);
  EXPECT_EQ(reference.string(), "x");
  EXPECT_EQ(images.items()[1].find("a b")->path(), "$.images[1][\"a b\"]");
  EXPECT_EQ(images.items()[1].find("a b")->line(), 4U);
}

TEST(Json, KeepsMembersInDocumentOrder) {
  const Value root = parsed(R"({"z":1,"a":[true,null],"m":{}})");
  ASSERT_EQ(root.members().size(), 3U);
  EXPECT_EQ(root.members()[0].first, "z");
  EXPECT_EQ(root.members()[1].first, "a");
  EXPECT_EQ(root.members()[2].second.kind(), Value::Kind::object);
  EXPECT_EQ(root.find("a")->items()[1].kind(), Value::Kind::null);
}

TEST(Json, GettersNameThePathOfAWrongType) {
  const Value root = parsed(R"({"a":{"b":[1,"x"]},"n":null,"t":true})");
  const Value& list = **(**root.at("a")).at("b");
  EXPECT_EQ(list.items()[0].string().error().message,
            "$.a.b[0]: expected a string, found a number");
  EXPECT_EQ(list.strings().error().message, "$.a.b[0]: expected a string, found a number");
  EXPECT_EQ(list.items()[1].integer().error().message,
            "$.a.b[1]: expected a whole number, found a string");
  EXPECT_EQ(root.find("n")->boolean().error().message, "$.n: expected true or false, found null");
  EXPECT_EQ(root.string_or("t", "").error().message, "$.t: expected a string, found a boolean");
  EXPECT_EQ(root.at("missing").error().message, "$: \"missing\" is missing");
  EXPECT_EQ(list.at("x").error().message, "$.a.b: expected an object, found an array");
  EXPECT_EQ(root.string_or("missing", "fallback"), "fallback");
}

TEST(JsonValue, TakesANumberForAWordAsItIsWritten) {
  const auto list = json::parse(R"(["x", 12.50, 1e3, true, null])");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->items()[0].word(), "x");
  EXPECT_EQ(list->items()[1].word(), "12.50");
  EXPECT_EQ(list->items()[2].word(), "1e3");
  EXPECT_EQ(list->items()[3].word().error().message, "$[3]: expected a string, found a boolean");
  EXPECT_FALSE(list->items()[4].word());
}

TEST(Json, TakesWholeNumbersOf64BitsAndNothingElseAsIntegers) {
  const Value root = parsed(
      "[9223372036854775807,-9223372036854775808,9223372036854775808,1.0,1e3,-1,"
      "18446744073709551615,99999999999999999999999]");
  const Array& n = root.items();
  EXPECT_EQ(n[0].integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(n[1].integer(), std::numeric_limits<std::int64_t>::min());
  for (const std::size_t i : {2U, 3U, 4U, 6U, 7U}) EXPECT_FALSE(n[i].integer()) << i;
  EXPECT_FALSE(n[5].unsigned_integer());
  EXPECT_EQ(n[6].unsigned_integer(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(n[7].unsigned_integer());
  EXPECT_EQ(n[4].real(), 1000.0);
}

TEST(Json, RefusesANumberBeyondDoubles) {
  const auto root = parse("[1e99999]");
  EXPECT_FALSE(root && root->items()[0].real());
}

struct Hostile {
  const char* name;
  std::string text;
};

TEST(Json, RefusesWhatIsNoJson) {
  const Hostile cases[] = {
      {"nothing", ""},
      {"blank", " \n"},
      {"trailing text", "{} x"},
      {"a second document", "{}{}"},
      {"trailing comma in an object", R"({"a":1,})"},
      {"trailing comma in an array", "[1,]"},
      {"NaN", "[NaN]"},
      {"Infinity", "[Infinity]"},
      {"single quotes", "{'a':1}"},
      {"a comment", "{} // x"},
      {"a NUL behind the document", std::string("{}\0{}", 5)},
      {"a NUL inside a string", std::string("[\"a\0b\"]", 7)},
      {"a raw newline inside a string", "[\"a\nb\"]"},
      {"invalid UTF-8", "[\"\xFF\"]"},
      {"overlong UTF-8", "[\"\xC0\xAF\"]"},
      {"a surrogate in UTF-8", "[\"\xED\xA0\x80\"]"},
      {"a lone high surrogate escape", R"(["\ud800"])"},
      {"a lone low surrogate escape", R"(["\udc00"])"},
      {"an unfinished string", "[\"a"},
      {"an unfinished array", "[1,2"},
      {"a leading zero", "[01]"},
      {"a plus sign", "[+1]"},
      {"a hexadecimal number", "[0x10]"},
  };
  for (const Hostile& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(refused(c.text).code, Errc::invalid_document);
    EXPECT_FALSE(is_valid(c.text));
  }
}

TEST(Json, SaysThatItIsNoJson) {
  EXPECT_EQ(refused("{\"a\":\nx}").message, "line 2: this is not JSON (Invalid value)");
}

TEST(Json, RefusesTheSameKeyTwice) {
  EXPECT_EQ(refused("{\"a\":1,\n\"a\":2}").message, "line 2: $: the key \"a\" appears twice");
  refused(R"({"x":{"a":1,"\u0061":2}})");
  parsed(R"({"x":{"a":1},"y":{"a":1}})");
}

TEST(Json, RefusesKeysThatDifferInCaseOnlyWhenAsked) {
  parsed(R"({"layers":1,"Layers":2})");
  for (const char* text : {R"({"layers":1,"Layers":2})", "{\"layers\":1,\"layer\xC5\xBF\":2}",
                           "{\"key\":1,\"\xE2\x84\xAA"
                           "ey\":2}"}) {
    refused(text, {.refuse_case_variants = true});
  }
}

TEST(Json, StopsAtItsDepthLimitWithoutRecursing) {
  EXPECT_TRUE(parse(repeat("[", 32) + repeat("]", 32)));
  EXPECT_EQ(refused(repeat("[", 33) + repeat("]", 33)).code, Errc::too_large);
  EXPECT_EQ(refused(repeat("[", 2'000'000)).code, Errc::too_large);
  EXPECT_EQ(refused(repeat("{\"a\":", 700'000)).code, Errc::too_large);
  EXPECT_TRUE(is_valid(repeat("[", 500'000) + repeat("]", 500'000)));
}

TEST(Json, StopsAtItsSizeAndValueLimits) {
  EXPECT_EQ(refused("[1,2,3]", {.max_bytes = 6}).code, Errc::too_large);
  EXPECT_EQ(refused("[1,2,3]", {.max_values = 3}).code, Errc::too_large);
  EXPECT_EQ(refused("[" + repeat("0,", 1'000'000) + "0]").code, Errc::too_large);
}

TEST(Json, ManyKeysOfOneObjectCostNoQuadraticTime) {
  std::string text = "{";
  for (int i = 0; i < 150'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  parsed(text + "\"last\":0}");
}

TEST(Json, LongKeysDoNotGrowThePathsBelowThem) {
  const std::string key(1'000'000, 'k');
  const Value root = parsed("{\"" + key + "\":[[0]]}");
  EXPECT_LT(root.members()[0].second.items()[0].path().size(), 256U);
}

TEST(Json, TakesCommentsOnlyWhenAsked) {
  const std::string text = "// first\n{ /* a\n b */ \"a\": 1 } // last";
  refused(text);
  const Value root = parsed(text, {.comments = true});
  EXPECT_EQ(root.find("a")->line(), 3U);
}

TEST(Json, RefusesAnEscapedNulInAString) {
  const Value root = parsed(R"(["a\u0000b"])");
  EXPECT_FALSE(root.items()[0].string());
}

TEST(JsonWriter, WritesCompactText) {
  Writer writer;
  writer.begin_object().member("s", "a\"b\\c\n\x01").member("i", std::int64_t{-1});
  writer.member("u", std::uint64_t{1}).member("d", 0.1).member("b", true);
  writer.member("l", std::vector<std::string>{"x", "y"}).key("e").begin_array().end_array();
  writer.key("n").null().key("r").raw("{\"k\":[1]}").end_object();
  EXPECT_EQ(writer.str(),
            R"({"s":"a\"b\\c\n\u0001","i":-1,"u":1,"d":0.1,"b":true,"l":["x","y"],"e":[],"n":null,)"
            R"("r":{"k":[1]}})");
}

TEST(JsonWriter, WritesPrettyText) {
  Writer writer(true);
  writer.begin_object().key("a").begin_array().integer(1).integer(2).end_array();
  writer.key("o").begin_object().end_object().end_object();
  EXPECT_EQ(writer.str(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"o\": {}\n}");
}

TEST(JsonWriter, AlwaysWritesWhatTheParserTakes) {
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  Writer writer;
  writer.begin_array().string(every_byte).string("\xF0\x9F\x98\x80 \xED\xA0\x80 \xC3");
  writer.real(std::numeric_limits<double>::infinity()).real(std::numeric_limits<double>::max());
  writer.end_array();
  const Value root = parsed(writer.str());
  EXPECT_EQ(root.items()[2].kind(), Value::Kind::null);
}

TEST(JsonWriterDeathTest, AbortsOnMisuse) {
  EXPECT_DEATH(Writer().begin_object().string("value without key"), "");
  EXPECT_DEATH(Writer().begin_array().key("key in an array"), "");
  EXPECT_DEATH(Writer().begin_object().end_array(), "");
  EXPECT_DEATH(Writer().null().null(), "");
  EXPECT_DEATH(Writer().begin_array().raw("{"), "");
  EXPECT_DEATH((void)Writer().begin_array().str(), "");
}

TEST(Json, GivesTheBytesOfAnObjectOrArrayAsTheyStood) {
  const std::string text =
      " { \"a\" : [ {\"b\":1.50e1 , \"c\": \"\\u0041}\"} , {} ],\n \"d\":[] } ";
  const Value root = parsed(text);
  EXPECT_EQ(root.source_in(text), text.substr(1, text.size() - 2));
  const Value& a = **root.at("a");
  EXPECT_EQ(a.items()[0].source_in(text), "{\"b\":1.50e1 , \"c\": \"\\u0041}\"}");
  EXPECT_EQ(a.items()[1].source_in(text), "{}");
  EXPECT_EQ((*root.at("d"))->source_in(text), "[]");
}

}  // namespace
}  // namespace nodeproof::json
