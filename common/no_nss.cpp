// glibc's name services, replaced by functions that find nothing.
//
// A static program that asks glibc for a host, service, user or group loads the host's libnss_*.so;
// those belong to the host's glibc, not to ours, and the process dies in them (seen: SIGFPE with
// glibc 2.36 inside, 2.41 outside). The same goes for iconv and its gconv modules. gRPC, c-ares and
// libarchive refer to these functions on paths we do not take: gRPC only dials unix sockets, curl
// asks c-ares, tar headers are read as bytes. With the definitions here libc.a's own are not
// linked, so no such module can ever be opened; a call that slips in fails closed. Sanitizer builds
// use the shared libc, which may load its modules.

#include <grp.h>
#include <iconv.h>
#include <netdb.h>
#include <pwd.h>

#include <cerrno>
#include <cstddef>

// NOLINTBEGIN(readability-function-size): the signatures are the C library's
extern "C" {

int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo** result) {
  *result = nullptr;
  return EAI_FAIL;
}
void freeaddrinfo(addrinfo*) noexcept {}
const char* gai_strerror(int) noexcept { return "name lookup is not built into this program"; }
int getnameinfo(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int) {
  return EAI_FAIL;
}

servent* getservbyname(const char*, const char*) { return nullptr; }
servent* getservbyport(int, const char*) { return nullptr; }
int getservbyname_r(const char*, const char*, servent*, char*, std::size_t, servent** result) {
  *result = nullptr;
  return ENOENT;
}
int getservbyport_r(int, const char*, servent*, char*, std::size_t, servent** result) {
  *result = nullptr;
  return ENOENT;
}

passwd* getpwnam(const char*) { return nullptr; }
passwd* getpwuid(uid_t) { return nullptr; }
int getpwnam_r(const char*, passwd*, char*, std::size_t, passwd** result) {
  *result = nullptr;
  return ENOENT;
}
int getpwuid_r(uid_t, passwd*, char*, std::size_t, passwd** result) {
  *result = nullptr;
  return ENOENT;
}
group* getgrnam(const char*) { return nullptr; }
group* getgrgid(gid_t) { return nullptr; }
int getgrnam_r(const char*, group*, char*, std::size_t, group** result) {
  *result = nullptr;
  return ENOENT;
}
int getgrgid_r(gid_t, group*, char*, std::size_t, group** result) {
  *result = nullptr;
  return ENOENT;
}

iconv_t iconv_open(const char*, const char*) {
  errno = EINVAL;
  return reinterpret_cast<iconv_t>(-1);  // NOLINT: the documented error value
}
std::size_t iconv(iconv_t, char**, std::size_t*, char**, std::size_t*) {
  errno = EBADF;
  return static_cast<std::size_t>(-1);
}
int iconv_close(iconv_t) { return 0; }

}  // extern "C"
// NOLINTEND(readability-function-size)
