#!/bin/sh
# Prints a kubeconfig that holds the token of untaint.yaml's service account, for report.kubernetes.taint_kubeconfig:
#   untaint-kubeconfig.sh https://127.0.0.1:6443 > /etc/nodeproof/untaint.kubeconfig; chmod 600 /etc/nodeproof/untaint.kubeconfig
# On k3s say KUBECTL="k3s kubectl".
set -eu
server=${1:?usage: untaint-kubeconfig.sh SERVER}
field() { ${KUBECTL:-kubectl} -n nodeproof get secret nodeproof-untaint -o "jsonpath={.data.$1}"; }
token=$(field token | base64 -d)
ca=$(field 'ca\.crt')
[ -n "$token" ] && [ -n "$ca" ] || { echo "the secret nodeproof-untaint has no token yet" >&2; exit 1; }
cat <<END
apiVersion: v1
kind: Config
current-context: nodeproof
clusters:
  - name: local
    cluster:
      server: $server
      certificate-authority-data: $ca
users:
  - name: nodeproof-untaint
    user:
      token: $token
contexts:
  - name: nodeproof
    context: { cluster: local, user: nodeproof-untaint }
END
