//! Which pod an interface of the host's is of, as the container runtime noted it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::host::roots::Host;
use crate::order::map_of;
use crate::text::Untrusted;

/// Where libcni keeps what each call gave (containernetworking/cni, libcni/api.go: `CacheDir`), as
/// the first process sees it, which is on the host also where this one is in a container.
const RESULTS: &str = "1/root/var/lib/cni/results";
/// Pods are some hundreds a node.
const MAX_FILES: usize = 4096;
/// The longest file that is read, in bytes; they have some thousand.
const MAX_BYTES: u64 = 64 * 1024;
/// What is not read within this time stays without a name.
const PATIENCE: Duration = Duration::from_millis(200);

/// Pods, as `namespace/name`, by the interface on the host's side.
pub(crate) type Pods = BTreeMap<Untrusted, Untrusted>;

/// The pod of a file, and its interfaces that are in no sandbox.
fn result(file: &Path) -> Option<(String, Vec<String>)> {
    let mut text = Vec::new();
    let file = File::open(file).ok()?;
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let cached: Value = serde_json::from_slice(&text).ok()?;
    let argument = |name: &str| {
        let mut all = cached["cniArgs"].as_array()?.iter();
        all.find(|pair| pair[0] == name)?[1].as_str()
    };
    let pod = format!(
        "{}/{}",
        argument("K8S_POD_NAMESPACE")?,
        argument("K8S_POD_NAME")?
    );
    // A line of a capture has no room for others.
    if pod.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let interfaces = cached["result"]["interfaces"].as_array()?.iter();
    let outside = interfaces.filter(|interface| {
        let sandbox = interface["sandbox"].as_str();
        sandbox.is_none_or(str::is_empty)
    });
    let names = outside.filter_map(|interface| interface["name"].as_str());
    Some((pod, names.map(str::to_owned).collect()))
}

impl Host {
    /// The pods of this host, as far as they can be told in a short time. An interface that several
    /// name, such as a bridge, is of none.
    #[must_use]
    pub(crate) fn pods(&self) -> Pods {
        let began = Instant::now();
        let mut pods: BTreeMap<String, Option<String>> = BTreeMap::new();
        let entries = fs::read_dir(self.proc.join(RESULTS)).into_iter().flatten();
        for entry in entries.flatten().take(MAX_FILES) {
            if began.elapsed() >= PATIENCE {
                break;
            }
            let Some((pod, interfaces)) = result(&entry.path()) else {
                continue;
            };
            for interface in interfaces {
                let known = pods.entry(interface).or_insert_with(|| Some(pod.clone()));
                if known.as_ref() != Some(&pod) {
                    *known = None;
                }
            }
        }
        let known = pods.into_iter();
        map_of(known.filter_map(|(name, pod)| Some((name.into(), pod?.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As containerd writes it with Calico, shortened.
    fn cached(namespace: &str, name: &str, interfaces: &str) -> String {
        format!(
            r#"{{"kind":"cniCacheV1","containerId":"5c1f","config":"eyJ9","ifName":"eth0","networkName":"k8s-pod-network",
            "cniArgs":[["IgnoreUnknown","1"],["K8S_POD_NAMESPACE","{namespace}"],["K8S_POD_NAME","{name}"]],
            "result":{{"cniVersion":"0.3.1","interfaces":[{interfaces}],"ips":[]}}}}"#
        )
    }

    fn pods(files: &[&str]) -> Pods {
        let root = tempfile::tempdir().unwrap();
        let results = root.path().join(RESULTS);
        fs::create_dir_all(&results).unwrap();
        for (number, text) in files.iter().enumerate() {
            fs::write(results.join(number.to_string()), text).unwrap();
        }
        let host = Host {
            proc: root.path().to_owned(),
            sys: root.path().to_owned(),
            state: "".into(),
        };
        host.pods()
    }

    #[test]
    fn pods_have_the_interfaces_that_are_in_no_sandbox() {
        let bridge = r#"{"name":"cni0"}"#;
        let web = cached(
            "shop",
            "web-0",
            r#"{"name":"calic440f455693"},{"name":"eth0","sandbox":"/var/run/netns/cni-1"}"#,
        );
        let first = cached(
            "a",
            "b",
            &format!(r#"{bridge},{{"name":"veth1","sandbox":""}}"#),
        );
        let second = cached("a", "c", &format!(r#"{bridge},{{"name":"veth2"}}"#));
        let found = pods(&[&web, &first, &second, "{", r#"{"result":{}}"#, "[]"]);
        let wanted = [
            ("calic440f455693", "shop/web-0"),
            ("veth1", "a/b"),
            ("veth2", "a/c"),
        ];
        assert!(
            found
                .iter()
                .map(|(dev, pod)| (dev.raw().as_str(), pod.raw().as_str()))
                .eq(wanted)
        );
        assert!(pods(&[&cached("a b", "c", bridge)]).is_empty());
        assert!(pods(&[]).is_empty());
    }
}
