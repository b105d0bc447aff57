#include "agent/kubernetes/kubeconfig.hpp"

#include <algorithm>
#include <array>

#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/http_url.hpp"
#include "common/words.hpp"
#include "common/yaml.hpp"

namespace nodeproof::kubernetes {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUsable =
    "name a kubeconfig with a client certificate or a token, such as the kubelet's own, or run "
    "nodeproof as a DaemonSet with a service account";
constexpr std::array kOtherLogins = {"exec", "auth-provider", "username", "password",
                                     "as",   "as-uid",        "as-groups"};

std::unexpected<Error> unusable(std::string what) {
  return fail(Errc::invalid_config, std::move(what), "check the kubeconfig");
}

// "" when absent or null, as kubectl writes unset members.
Result<std::string> text_at(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  if (value == nullptr || value->kind() == json::Value::Kind::null) return std::string();
  return value->word();
}

// Of a list of {name, KIND: {...}} the object that has this name.
Result<const json::Value*> named(const json::Value& config, std::string_view list,
                                 const std::string& name) {
  const std::string_view kind = list.substr(0, list.size() - 1);
  const json::Value* items = config.find(list);
  if (items != nullptr) {
    for (const json::Value& item : items->items()) {
      if (text_at(item, "name").value_or("") == name) return item.at(kind);
    }
  }
  return unusable("it has no " + std::string(kind) + " \"" + excerpt(name, 64) + "\"");
}

Result<> check_token(const std::string& token, const fs::path& from) {
  // What a header can carry: a line end in it would begin a header of its own.
  const auto printable_ascii = [](char c) { return c > ' ' && c < 0x7F; };
  if (std::ranges::all_of(token, printable_ascii)) return {};
  return unusable(from.string() + " holds no bearer token: it has spaces or control characters");
}

class Reader {
 public:
  Reader(const fs::path& file, const Surroundings& around) : file_(file), around_(around) {}

  Result<Credentials> read() {
    const std::string text = TRY(read_file(file_));
    const json::Value config = TRY(text.starts_with('{') ? json::parse(text) : yaml::parse(text));
    const std::string current = TRY(text_at(config, "current-context"));
    if (current.empty()) return unusable("it has no current-context");
    const json::Value* context = TRY(named(config, "contexts", current));
    const std::string cluster = TRY(text_at(*context, "cluster"));
    const std::string user = TRY(text_at(*context, "user"));
    const json::Value* server = TRY(named(config, "clusters", cluster));
    TRY(read_cluster(*server));
    const json::Value* identity = TRY(named(config, "users", user));
    TRY(refuse_other_logins(*identity, user));
    TRY(read_user(*identity));
    out_.source = file_.string();
    return out_;
  }

 private:
  Result<> read_cluster(const json::Value& cluster) {
    out_.server = TRY(text_at(cluster, "server"));
    while (out_.server.ends_with('/')) out_.server.pop_back();
    const HttpUrl url = TRY(parse_http_url(out_.server));
    if (!url.tls || url.user_info) return unusable("its server is not an https:// URL");
    const json::Value* insecure = cluster.find("insecure-skip-tls-verify");
    out_.verify = insecure == nullptr || !TRY(insecure->boolean());
    out_.proxy = TRY(text_at(cluster, "proxy-url"));
    if (!TRY(text_at(cluster, "tls-server-name")).empty()) {
      return fail(Errc::unsupported, "its cluster has a tls-server-name",
                  "name the server by what its certificate says");
    }
    out_.ca = TRY(pem(cluster, "certificate-authority"));
    return {};
  }

  Result<> read_user(const json::Value& user) {
    out_.certificate = TRY(pem(user, "client-certificate"));
    out_.key = TRY(pem(user, "client-key"));
    if (out_.certificate.empty() != out_.key.empty()) {
      return unusable("its client-certificate and client-key go together");
    }
    out_.token = TRY(text_at(user, "token"));
    const std::string file = TRY(text_at(user, "tokenFile"));  // counts over token, as in client-go
    if (!file.empty()) out_.token = TRY(read_token(place(file)));
    if (out_.token.empty() && out_.certificate.empty()) {
      return fail(Errc::invalid_config, "its user has neither a client certificate nor a token",
                  std::string(kUsable));
    }
    return check_token(out_.token, file_);
  }

  static Result<> refuse_other_logins(const json::Value& user, const std::string& name) {
    for (const char* login : kOtherLogins) {
      const json::Value* value = user.find(login);
      if (value == nullptr || value->kind() == json::Value::Kind::null) continue;
      return fail(Errc::unsupported,
                  "the credential of its user \"" + excerpt(name, 64) + "\" is of the kind " +
                      login + ", which nodeproof does not use",
                  std::string(kUsable));
    }
    return {};
  }

  // NAME-data, in base64, counts over NAME, a file beside the kubeconfig.
  Result<std::string> pem(const json::Value& object, const std::string& name) {
    const std::string data = TRY(text_at(object, name + "-data"));
    if (!data.empty()) {
      auto decoded = base64_decode(data);
      if (!decoded) return unusable("its " + name + "-data is not base64");
      return decoded;
    }
    const std::string file = TRY(text_at(object, name));
    if (file.empty()) return std::string();
    return read_file(place(file));
  }

  [[nodiscard]] fs::path place(const fs::path& named_file) const {
    return named_file.is_absolute() ? around_.below(named_file) : file_.parent_path() / named_file;
  }

  const fs::path& file_;
  const Surroundings& around_;
  Credentials out_;
};

}  // namespace

Result<std::string> read_token(const fs::path& file) {
  constexpr std::size_t kMaxBytes = 64 << 10;
  std::string token = TRY(read_file(file, kMaxBytes));
  constexpr std::string_view kAround = " \t\r\n";
  token.erase(token.find_last_not_of(kAround) + 1);
  token.erase(0, token.find_first_not_of(kAround));
  if (token.empty()) return unusable(file.string() + " is empty");
  TRY(check_token(token, file));
  return token;
}

Result<Credentials> read_kubeconfig(const fs::path& file, const Surroundings& around) {
  auto read = Reader(file, around).read();
  if (!read)
    return std::unexpected(std::move(read).error().with_context("kubeconfig " + file.string()));
  return read;
}

}  // namespace nodeproof::kubernetes
