// A service that comes up, or does not, in a known way.
#define _GNU_SOURCE  // NOLINT: the C library's name
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void leave(int signal) {
  (void)signal;
  static const char text[] = "stopped\n";
  _exit(write(1, text, sizeof text - 1) < 0 ? 1 : 0);
}

static int listen_on(const char *port, int ipv6) {
  struct sockaddr_in four = {0};
  struct sockaddr_in6 six = {0};
  const int on = 1, server = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  four.sin_family = AF_INET;
  six.sin6_family = AF_INET6;
  four.sin_port = six.sin6_port = htons((unsigned short)atoi(port));
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  six.sin6_addr = in6addr_loopback;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(server, ipv6 ? (void *)&six : (void *)&four, ipv6 ? sizeof six : sizeof four) != 0 ||
      listen(server, 8) != 0) {
    perror("listen");
    return -1;
  }
  return server;
}

static void answer(int client, const char *manner, int number) {
  char request[4096];
  const ssize_t got = read(client, request, sizeof request - 1);
  const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nall is well\n";
  if (got <= 0) return;
  request[got] = 0;
  if (!strcmp(manner, "garbage")) text = "SSH-2.0-OpenSSH_9.2\r\n";
  if (!strcmp(manner, "busy") || (!strcmp(manner, "later") && number < 3)) {
    text = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
  }
  if (!strcmp(manner, "silent")) text = "";
  if (!strcmp(manner, "picky") && !strstr(request, "GET /health HTTP/1.1\r\nHost: localhost\r\n")) {
    text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  }
  if (write(client, text, strlen(text)) < 0) return;
}

int serve(const char *port, const char *manner) {
  signal(SIGTERM, strcmp(manner, "deaf") != 0 ? leave : SIG_IGN);
  signal(SIGUSR1, leave);
  const int server = listen_on(port, !strcmp(manner, "six"));
  if (server < 0) return 1;
  for (int number = 1;; ++number) {
    const int client = accept(server, NULL, NULL);
    if (client < 0) return 2;
    if (!strcmp(manner, "crash")) raise(SIGSEGV);
    answer(client, manner, number);
    close(client);
  }
}
