// container-structure-test files: what they are read as, and what is said of what is no such file.
#include <gtest/gtest.h>

#include "agent/smoke/structure_tests.hpp"
#include "common/pattern.hpp"

namespace nodeproof::smoke {
namespace {

using Texts = std::vector<std::string>;

StructureDocument parsed(std::string_view text) {
  auto document = parse_structure_document(text, false);
  EXPECT_TRUE(document) << document.error().message;
  return document ? *std::move(document) : StructureDocument{};
}

StructureTests tests_in(std::string_view text, const ImageConfig& image = {}) {
  return structure_tests(parsed(text), image, "/etc/app.yaml");
}

std::string refused(const std::string& text) {
  const auto document = parse_structure_document(text, false);
  EXPECT_FALSE(document) << text;
  return document ? "" : document.error().message;
}

// As people have them: of a Debian image, in all four kinds.
constexpr std::string_view kDebian = R"(schemaVersion: "2.0.0"
globalEnvVars:
  - key: "VIRTUAL_ENV"
    value: "/env"
  - key: "PATH"
    value: "/env/bin:$PATH"
commandTests:
- name: "apt is there"
  setup: [["apt-mark", "showhold"], ["true"]]
  teardown: [["true"]]
  command: "apt-get"
  args: ["help"]
  envVars: [{ key: LANG, value: C }, { key: HOME, value: "${VIRTUAL_ENV}/home" }]
  expectedOutput: [".*Usage.*", "^apt"]
  excludedError: [".*FAIL.*"]
  exitCode: 0
- name: 'path'
  command: 'sh'
  args:
    - -c
    - |
      echo $PATH
  excludedOutput: ["x"]
  expectedError: ["y"]
  exitCode: 3
fileExistenceTests:
- name: 'Root'
  path: '/'
  permissions: 'drwxr-xr-x'
  uid: 0
  gid: 0
- name: 'su'
  path: '/bin/su'
  shouldExist: true
  permissions: 'urwxr-xr-x'
  uid: -1
  isExecutableBy: 'any'
- name: 'no dummy'
  path: 'etc/dummy'
  shouldExist: false
fileContentTests:
- name: 'sources'
  path: '$VIRTUAL_ENV/sources.list'
  expectedContents: ['.*httpredir\.debian\.org.*']
  excludedContents: ['.*gce_debian_mirror.*']
metadataTest:
  exposedPorts: [8080]
  entrypoint: []
  cmd: ["/bin/bash"]
licenseTests:
)";

TEST(StructureTests, AreReadInAllTheirKinds) {
  ImageConfig image;
  image.env = {"PATH=/usr/bin:/bin"};
  image.cmd = {"/bin/bash"};
  image.exposed_ports = {"8080/tcp"};
  const StructureTests found = tests_in(kDebian, image);
  ASSERT_EQ(found.tests.size(), 6U);
  const SmokeTest& apt = found.tests[0];
  EXPECT_EQ(apt.name, "apt is there");
  EXPECT_EQ(apt.source, "/etc/app.yaml");
  EXPECT_EQ(apt.args, (Texts{"apt-get", "help"}));
  EXPECT_EQ(apt.before, (std::vector<Texts>{{"apt-mark", "showhold"}, {"true"}}));
  EXPECT_EQ(apt.after, (std::vector<Texts>{{"true"}}));
  EXPECT_EQ(apt.env,
            (Texts{"VIRTUAL_ENV=/env", "PATH=/env/bin:/usr/bin:/bin", "LANG=C", "HOME=/env/home"}));
  EXPECT_EQ(apt.expect.stdout_matches, (Texts{".*Usage.*", "(?-m)^apt"}));
  EXPECT_EQ(apt.expect.stderr_excludes, Texts{".*FAIL.*"});
  const SmokeTest& path = found.tests[1];
  EXPECT_EQ(path.args, (Texts{"sh", "-c", "echo /env/bin:/usr/bin:/bin\n"}));
  EXPECT_EQ(path.expect.stdout_excludes, Texts{"x"});
  EXPECT_EQ(path.expect.stderr_matches, Texts{"y"});
  EXPECT_EQ(path.expect.exit, 3);
  EXPECT_EQ(found.tests[2].file->mode, "drwxr-xr-x");
  EXPECT_EQ(found.tests[2].file->uid, 0U);
  EXPECT_EQ(found.tests[3].file->mode, "-rwsr-xr-x");
  EXPECT_EQ(found.tests[3].file->uid, std::nullopt);
  EXPECT_EQ(found.tests[3].file->executable_by, "any");
  EXPECT_EQ(found.tests[4].file->path, "/etc/dummy");
  EXPECT_FALSE(found.tests[4].file->exists);
  EXPECT_EQ(found.tests[5].file->path, "/env/sources.list");
  EXPECT_EQ(found.tests[5].file->contains, Texts{".*httpredir\\.debian\\.org.*"});
  EXPECT_EQ(found.tests[5].file->excludes, Texts{".*gce_debian_mirror.*"});
  ASSERT_EQ(found.results.size(), 1U);
  EXPECT_EQ(found.results[0].result, SmokeOutcome::passed);
  EXPECT_EQ(found.results[0].runs, 0U);
  EXPECT_TRUE(found.findings.empty());
}

// Without Go's multi-line flag "^" is the beginning of the text.
TEST(StructureTests, AnchorsMeanTheWholeText) {
  const auto pattern =
      Pattern::compile(tests_in("schemaVersion: 2.0.0\ncommandTests: [{name: a, command: b, "
                                "expectedOutput: ['^b$']}]")
                           .tests[0]
                           .expect.stdout_matches[0]);
  ASSERT_TRUE(pattern);
  EXPECT_TRUE(pattern->found_in("b"));
  EXPECT_FALSE(pattern->found_in("a\nb\nc"));
}

TEST(StructureTests, GosModesAreThoseOfLs) {
  struct Mode {
    const char *go, *ls;
  };
  for (const auto& [go, ls] : {Mode{"-rw-r--r--", "-rw-r--r--"}, Mode{"dtrwxrwxrwx", "drwxrwxrwt"},
                               Mode{"ugrwxr-x---", "-rwsr-s---"}, Mode{"urw-r--r--", "-rwSr--r--"},
                               Mode{"Lrwxrwxrwx", "lrwxrwxrwx"}, Mode{"Dcrw-rw-rw-", "crw-rw-rw-"},
                               Mode{"Drw-rw----", "brw-rw----"}, Mode{"dgtrwxrwxrw-", "drwxrwsrwT"},
                               Mode{"-rwsr-xr-x", "-rwsr-xr-x"}}) {
    const StructureTests found =
        tests_in("schemaVersion: 2.0.0\nfileExistenceTests: [{name: a, path: /a, permissions: '" +
                 std::string(go) + "'}]");
    ASSERT_EQ(found.tests.size(), 1U) << go;
    EXPECT_EQ(found.tests[0].file->mode, ls) << go;
  }
}

TEST(StructureTests, TakeJsonToo) {
  const auto document = parse_structure_document(
      "{\n\t\"schemaVersion\": \"2.0.0\",\n\t\"commandTests\": [{\"name\": \"a\", "
      "\"command\": \"b\"}]}",
      true);
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->commands[0].command, "b");
}

struct Wrong {
  const char *text, *message;
};

TEST(StructureTests, NameLineAndPathOfWhatIsWrong) {
  const Wrong cases[] = {
      {"", "line 1: $: expected a mapping, found null"},
      {"- a\n", "line 1: $: expected a mapping, found an array"},
      {"commandTests: []\n",
       "line 1: $: a container-structure-test file begins with schemaVersion: 2.0.0"},
      {"schemaVersion: 1.0.0\nfoo: 1\n",
       "line 1: $.schemaVersion: schemaVersion 1.0.0 is not read"},
      {"schemaVersion: 2.0.0\nCommandTests: []\n",
       "line 2: $.CommandTests: unknown key; is \"commandTests\" meant?"},
      {"schemaVersion: 2.0.0\ncommandTests:\n- name: a\n  command: b\n  expectedOuput: []\n",
       "line 5: $.commandTests[0].expectedOuput: unknown key; is \"expectedOutput\" meant?"},
      {"schemaVersion: 2.0.0\ncommandTests:\n- command: b\n",
       "line 3: $.commandTests[0]: a test needs a \"name\""},
      {"schemaVersion: 2.0.0\ncommandTests:\n- name: b\n",
       "line 3: $.commandTests[0]: it needs a \"command\""},
      {"schemaVersion: 2.0.0\ncommandTests:\n- name: b\n  command: c\n  args: -v\n",
       "line 5: $.commandTests[0].args: expected a list of texts, found a string"},
      {"schemaVersion: 2.0.0\ncommandTests:\n- name: b\n  command: c\n  setup: [[]]\n",
       "line 5: $.commandTests[0].setup[0]: a command without a program"},
      {"schemaVersion: 2.0.0\ncommandTests:\n- name: b\n  command: c\n  exitCode: 256\n",
       "line 5: $.commandTests[0].exitCode: expected an exit code from 0 to 255, found a number"},
      {"schemaVersion: 2.0.0\nfileContentTests:\n- name: b\n  path: c\n"
       "  expectedContents: ['(a']\n",
       "line 5: $.fileContentTests[0].expectedContents[0]: the regular expression is not "
       "understood: missing ): (a"},
      {"schemaVersion: 2.0.0\nfileExistenceTests:\n- name: b\n  path: c\n  permissions: '0644'\n",
       "line 5: $.fileExistenceTests[0].permissions: \"0644\" is no mode such as \"-rw-r--r--\""},
      {"schemaVersion: 2.0.0\nfileExistenceTests:\n- name: b\n  path: c\n  isExecutableBy: me\n",
       "line 5: $.fileExistenceTests[0].isExecutableBy: one of owner, group, other, any"},
      {"schemaVersion: 2.0.0\nfileExistenceTests:\n- name: b\n  path: c\n"
       "  shouldExist: false\n  uid: 1\n",
       "line 3: $.fileExistenceTests[0]: of a file that must not exist nothing else can be asked"},
      {"schemaVersion: 2.0.0\nmetadataTest:\n  labels: [{value: x}]\n",
       "line 3: $.metadataTest.labels[0]: it needs a \"key\""},
      {"schemaVersion: 2.0.0\nmetadataTest:\n  labels: [{key: a, value: '(', isRegex: true}]\n",
       "line 3: $.metadataTest.labels[0]: the regular expression is not understood: missing ): ("},
      {"schemaVersion: 2.0.0\ncontainerRunOptions: {priviliged: true}\n",
       "line 2: $.containerRunOptions.priviliged: unknown key"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(refused(text), message) << text;
}

TEST(StructureTests, HostileYamlIsRefused) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 8; ++i) bomb += (i == 0 ? "*" : ",*") + before;
    bomb += "]\n";
  }
  EXPECT_NE(refused("schemaVersion: 2.0.0\n" + bomb).find("aliases"), std::string::npos);
  EXPECT_NE(refused(std::string(1000, '[')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(refused("schemaVersion: 2.0.0\n" + std::string((1 << 20) + 1, ' ')).find("larger than"),
            std::string::npos);
  EXPECT_NE(refused("schemaVersion: 2.0.0\nx: !!python/object/apply:os.system [ls]\n").find("line"),
            std::string::npos);
}

TEST(StructureTests, SayWhatTheyAskForAndIsNotDone) {
  const StructureTests found = tests_in(
      "schemaVersion: 2.0.0\nlicenseTests: [{debian: true, files: [/a]}]\n"
      "containerRunOptions: {user: app, privileged: true, allocateTty: false,"
      " bindMounts: ['/a:/b'], capabilities: []}\n"
      "commandTests: [{name: a, command: b}]\n");
  ASSERT_EQ(found.findings.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found.findings[i].code, "SmokeNotRun");
    EXPECT_EQ(found.findings[i].severity, Severity::unknown);
  }
  EXPECT_EQ(found.findings[0].subject, "licenseTests");
  EXPECT_EQ(found.findings[1].subject, "containerRunOptions.privileged");
  EXPECT_EQ(found.findings[2].subject, "containerRunOptions.bindMounts");
  EXPECT_EQ(found.tests[0].user, "app");
}

TEST(Metadata, IsComparedWithTheImagesConfiguration) {
  ImageConfig image;
  image.env = {"A=1", "V=go-2.1.7", "E=", "TWICE=a=b"};
  image.labels = {{"vendor", "ACME"}, {"date", "2026-01-02"}};
  image.entrypoint = {"/app"};
  image.exposed_ports = {"8080/tcp"};
  image.volumes = {"/data"};
  image.working_dir = "/srv";
  image.user = "app";
  const auto problems = [&](const std::string& keys) {
    return metadata_problems(*parsed("schemaVersion: 2.0.0\nmetadataTest: {" + keys + "}").metadata,
                             image);
  };
  EXPECT_EQ(problems("env: [{key: A, value: 1}, {key: E, value: ''}, {key: TWICE, value: 'a=b'},"
                     "{key: V, value: '^[a-z]+-2\\.1\\.', isRegex: true}],"
                     "labels: [{key: vendor, value: ACME}, {key: date, value: '^\\d{4}-',"
                     "isRegex: true}], unboundEnvVars: [{key: B}], exposedPorts: ['8080'],"
                     "unexposedPorts: ['80'], volumes: [/data], unmountedVolumes: [/root],"
                     "entrypoint: [/app], cmd: [], workdir: /srv, user: app"),
            Texts{});
  struct Case {
    const char *keys, *problem;
  };
  for (const auto& [keys, problem] : {
           Case{"envVars: [{key: A, value: 2}]", "variable A is \"1\" instead of \"2\""},
           Case{"envVars: [{key: Z, value: 2}]", "variable Z is not set"},
           Case{"envVars: [{key: V, value: '2\\.2', isRegex: true}]",
                "variable V is \"go-2.1.7\" and does not match \"2\\.2\""},
           Case{"unboundEnvVars: [{key: A}]", "variable A is set"},
           Case{"labels: [{key: vendor, value: Acme}]",
                "label vendor is \"ACME\" instead of \"Acme\""},
           Case{"labels: [{key: none, value: ''}]", "label none is not set"},
           Case{"entrypoint: []", "Entrypoint is [\"/app\"] instead of []"},
           Case{"cmd: [-v, x]", "Cmd is [] instead of [\"-v\", \"x\"]"},
           Case{"exposedPorts: [80]", "port 80 is not exposed"},
           Case{"unexposedPorts: ['8080']", "port 8080 is exposed"},
           Case{"volumes: [/x]", "there is no volume /x"},
           Case{"unmountedVolumes: [/data]", "there is a volume /data"},
           Case{"workdir: /", "WorkingDir is \"/srv\" instead of \"/\""},
           Case{"user: root", "User is \"app\" instead of \"root\""},
       }) {
    EXPECT_EQ(problems(keys), Texts{problem}) << keys;
  }
}

TEST(Metadata, ThatIsNotAsWantedFailsWithoutAContainer) {
  ImageConfig image;
  image.cmd = {"a"};
  const StructureTests found =
      tests_in("schemaVersion: 2.0.0\nmetadataTest: {cmd: [b], user: x}", image);
  ASSERT_EQ(found.results.size(), 1U);
  EXPECT_EQ(found.results[0].result, SmokeOutcome::failed);
  ASSERT_EQ(found.findings.size(), 1U);
  EXPECT_EQ(found.findings[0].code, "SmokeFailed");
  EXPECT_EQ(found.findings[0].severity, Severity::fail);
  EXPECT_EQ(found.findings[0].evidence,
            "Cmd is [\"a\"] instead of [\"b\"]; User is \"\" instead of \"x\"");
}

TEST(Variables, AreExpandedAsGoDoes) {
  const Texts env = {"A=1", "LONG_name2=two", "A=one", "EMPTY="};
  struct Case {
    const char *text, *expanded;
  };
  for (const auto& [text, expanded] :
       {Case{"$A/${LONG_name2}$EMPTY-$none", "one/two-"}, Case{"a$", "a$"}, Case{"$ a", "$ a"},
        Case{"100%$.", "100%$."}, Case{"$$A", "A"}, Case{"$1x${2}", "x"}, Case{"${}x", "x"},
        Case{"${Ax", "Ax"}, Case{"$A$A", "oneone"}, Case{"\\$A", "\\one"}}) {
    EXPECT_EQ(expand_variables(text, env), expanded) << text;
  }
}

}  // namespace
}  // namespace nodeproof::smoke
