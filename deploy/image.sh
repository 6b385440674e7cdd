#!/bin/sh
# Makes an image with this program for `cowherd install --image`, as an OCI archive; no container engine is needed.
#
#   deploy/image.sh cowherd.tar                        # of target/release/cowherd
#   deploy/image.sh cowherd.tar /usr/local/bin/cowherd
#   skopeo copy oci-archive:cowherd.tar docker://registry.example.com/cowherd:1.0
#
# In it are the program, the ssh of this machine for repositories that are reached by it, the libraries of both, and this
# machine's certificate authorities. The same files make the same image.
set -eu

output=${1:?usage: deploy/image.sh OUTPUT.tar [PROGRAM]}
program=${2:-$(dirname "$0")/../target/release/cowherd}
authorities=/etc/ssl/certs/ca-certificates.crt
[ -x "$program" ] || { echo "$program is no program; build it with cargo build --release --locked" >&2; exit 1; }
ssh=$(command -v ssh) || { echo "there is no ssh here, which fetches from ssh:// addresses; apt install openssh-client" >&2; exit 1; }
[ -r $authorities ] || { echo "there is no $authorities; apt install ca-certificates" >&2; exit 1; }
case $(uname -m) in
x86_64) architecture=amd64 ;;
aarch64) architecture=arm64 ;;
*) echo "there is no image for $(uname -m)" >&2; exit 1 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
layout=$work/layout
blobs=$layout/blobs/sha256
mkdir -p "$root/usr/local/bin" "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/data" "$blobs"
cp "$program" "$root/usr/local/bin/cowherd"
cp "$ssh" "$root/usr/bin/ssh"
cp $authorities "$root$authorities"
# ssh asks who it is.
echo 'cowherd:x:65532:65532::/tmp:/sbin/nologin' > "$root/etc/passwd"
echo 'cowherd:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
chmod 755 "$root/usr/local/bin/cowherd" "$root/usr/bin/ssh"
chmod 1777 "$root/tmp" "$root/data"
# Each library, the loader among them, where the programs look for it.
for binary in "$program" "$ssh"; do ldd "$binary"; done | grep -o '/[^ )]*' | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

# Puts a file among the blobs, and says its digest.
blob() {
    digest=$(sha256sum "$1" | cut -d ' ' -f 1)
    mv "$1" "$blobs/$digest"
    echo "$digest"
}
size() { stat -c %s "$blobs/$1"; }

tar --create --file "$work/layer.tar" --directory "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar .
layer_content=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
gzip --no-name "$work/layer.tar"
layer=$(blob "$work/layer.tar.gz")
cat > "$work/config" <<END
{"architecture": "$architecture", "os": "linux", "created": "1970-01-01T00:00:00Z",
 "config": {"User": "65532:65532", "Entrypoint": ["/usr/local/bin/cowherd"], "WorkingDir": "/data",
  "Env": ["PATH=/usr/local/bin:/usr/bin", "HOME=/tmp", "SSL_CERT_FILE=$authorities"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer_content"]}}
END
config=$(blob "$work/config")
cat > "$work/manifest" <<END
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
 "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:$config", "size": $(size "$config")},
 "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:$layer", "size": $(size "$layer")}]}
END
manifest=$(blob "$work/manifest")
echo '{"imageLayoutVersion": "1.0.0"}' > "$layout/oci-layout"
cat > "$layout/index.json" <<END
{"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:$manifest",
 "size": $(size "$manifest"), "annotations": {"org.opencontainers.image.ref.name": "latest"}}]}
END
tar --create --file "$output" --directory "$layout" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner blobs index.json oci-layout
echo "$output has the image sha256:$manifest"
