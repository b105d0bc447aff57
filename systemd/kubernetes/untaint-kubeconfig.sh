#!/bin/sh
# Writes a kubeconfig that holds the token of untaint.yaml's service account, for report.kubernetes.taint_kubeconfig:
#   untaint-kubeconfig.sh https://127.0.0.1:6443 /etc/nodeproof/untaint.kubeconfig
# On k3s say KUBECTL="k3s kubectl".
set -eu
usage='usage: untaint-kubeconfig.sh SERVER FILE'
server=${1:?$usage} file=${2:?$usage}
field() { ${KUBECTL:-kubectl} -n nodeproof get secret nodeproof-untaint -o "jsonpath={.data.$1}"; }
token=$(field token | base64 -d)
ca=$(field 'ca\.crt')
if [ -z "$token" ] || [ -z "$ca" ]; then echo "the secret nodeproof-untaint has no token yet" >&2; exit 1; fi
umask 077
cat > "$file.new" <<END
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
mv "$file.new" "$file"
