#include "agent/smoke/user.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace nodeproof::smoke {
namespace {

constexpr std::size_t kMaxBytes = 4 << 20;
constexpr std::size_t kMaxGroups = 65536;  // NGROUPS_MAX

struct Account {
  std::string_view name;
  unsigned uid = 0, gid = 0;
};

struct Group {
  std::string_view name, members;
  unsigned gid = 0;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end = 0; end != text.npos; text.remove_prefix(end + 1)) {
    end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) break;
  }
  return parts;
}

// 0 .. 2^31-1, all digits.
std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value > 0x7fffffff) return std::nullopt;
  return value;
}

// The first line the predicate takes; lines that do not parse are skipped.
template <class Predicate>
std::optional<Account> find_account(std::string_view passwd, Predicate predicate) {
  for (const std::string_view line : split(passwd, '\n')) {
    const auto field = split(line, ':');
    if (field.size() < 4 || field[0].empty()) continue;
    const auto uid = number(field[2]), gid = number(field[3]);
    if (!uid || !gid) continue;
    const Account account{field[0], *uid, *gid};
    if (predicate(account)) return account;
  }
  return std::nullopt;
}

template <class Visit>
void each_group(std::string_view text, Visit visit) {
  for (const std::string_view line : split(text, '\n')) {
    const auto field = split(line, ':');
    if (field.size() < 3 || field[0].empty()) continue;
    if (const auto gid = number(field[2])) {
      visit(Group{field[0], field.size() > 3 ? field[3] : std::string_view(), *gid});
    }
  }
}

Result<unsigned> group_id(std::string_view wanted, std::string_view group) {
  if (const auto gid = number(wanted)) return *gid;
  std::optional<unsigned> found;
  each_group(group, [&](const Group& one) {
    if (!found && one.name == wanted) found = one.gid;
  });
  if (!found)
    return fail(Errc::not_found,
                "no group \"" + std::string(wanted) + "\" in the image's /etc/group");
  return *found;
}

// Groups that list the account; a group of the account's own name is not supplementary.
std::vector<gid_t> supplementary(std::string_view account, gid_t primary, std::string_view group) {
  std::vector<gid_t> gids{primary};
  each_group(group, [&](const Group& one) {
    if (account.empty() || one.name == account || gids.size() >= kMaxGroups) return;
    const auto members = split(one.members, ',');
    if (std::ranges::find(members, account) == members.end()) return;
    if (std::ranges::find(gids, one.gid) == gids.end()) gids.push_back(one.gid);
  });
  return gids;
}

Result<std::string> text_of(const Root& root, std::string_view path) {
  auto text = root.read(path, kMaxBytes);
  if (!text && text.error().code == Errc::not_found) return std::string();
  return text;
}

}  // namespace

Result<User> resolve_user(std::string_view wanted, std::string_view passwd,
                          std::string_view group) {
  const auto parts = split(wanted.empty() ? "root" : wanted, ':');
  if (parts.size() > 2)
    return fail(Errc::invalid_document, "user \"" + std::string(wanted) + "\" has two colons");
  User user;
  std::string_view name;
  const auto uid = number(parts[0]);
  const auto account = find_account(
      passwd, [&](const Account& one) { return uid ? one.uid == *uid : one.name == parts[0]; });
  if (account) {
    user.uid = account->uid;
    user.gid = account->gid;
    name = account->name;
  } else if (uid) {
    user.uid = *uid;
  } else if (wanted.empty()) {
    name = "root";
  } else {
    return fail(Errc::not_found,
                "no user \"" + std::string(parts[0]) + "\" in the image's /etc/passwd");
  }
  if (wanted.empty()) user.uid = user.gid = 0;
  if (parts.size() == 2) user.gid = TRY(group_id(parts[1], group));
  user.groups = supplementary(name, user.gid, group);
  return user;
}

Result<User> resolve_user(std::string_view wanted, const Root& root) {
  const std::string passwd = TRY(text_of(root, "/etc/passwd"));
  const std::string group = TRY(text_of(root, "/etc/group"));
  return resolve_user(wanted, passwd, group);
}

}  // namespace nodeproof::smoke
