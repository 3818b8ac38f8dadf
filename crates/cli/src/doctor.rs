//! `danja doctor`: what the machine permits of what `danja run` needs, which way follows, and the
//! command that permits the rest. Changes nothing.

use crate::args::{DoctorArgs, Talk};
use crate::failure::Failure;
use crate::output::{data, exit};
use danja_gateway::inspect::RuntimeDir;
use danja_run::{Outcome, Probes, Way, setting};
use serde_json::{Value, json};
use std::io;
use std::process::ExitCode;

/// One thing that was tried.
struct Finding {
    /// A word for programs.
    name: &'static str,
    /// What it is, and what it is for.
    what: &'static str,
    permitted: bool,
    /// The system's error.
    why: Option<String>,
    /// What to do about it.
    remedy: Option<String>,
}

pub(crate) fn run(args: &DoctorArgs, _: Talk) -> Result<ExitCode, Failure> {
    let probes = Probes::try_all();
    let way = probes.way();
    let findings = findings(&probes);
    let text = if args.json { as_json(&probes, &findings) } else { as_text(way, &findings) };
    data(&text)?;
    Ok(exit(way != Way::None))
}

fn finding(
    name: &'static str,
    what: &'static str,
    outcome: &Outcome,
    remedy: impl FnOnce(&io::Error) -> Option<String>,
) -> Finding {
    let error = outcome.as_ref().err();
    Finding {
        name,
        what,
        permitted: outcome.is_ok(),
        why: error.map(ToString::to_string),
        remedy: error.and_then(remedy),
    }
}

fn findings(probes: &Probes) -> Vec<Finding> {
    let none = |_: &io::Error| None;
    let directory = RuntimeDir::open().map(drop).map_err(io::Error::from);
    vec![
        finding(
            "namespace",
            "a network namespace of the program's own",
            &probes.namespace,
            |error| Some(namespace_remedy(error, probes.map_refused)),
        ),
        finding("tun", "a TUN device in it", &probes.tun, |error| {
            tun_remedy(error, probes.namespace.is_ok())
        }),
        finding(
            "veth",
            "a veth pair with a packet socket, in the place of a TUN device",
            &probes.veth,
            |_| probes.namespace.is_ok().then(|| "modprobe veth && modprobe af_packet".to_owned()),
        ),
        finding(
            "listener",
            "answering a program's system calls (seccomp listener)",
            &probes.listener,
            |error| Some(listener_remedy(error)),
        ),
        finding(
            "add_and_send",
            "answering with a descriptor at once (Linux 5.14)",
            &probes.add_and_send,
            none,
        ),
        finding(
            "sync_wake_up",
            "answers five times as fast (Linux 6.6; not needed)",
            &probes.sync_wake_up,
            none,
        ),
        finding("pidfd_getfd", "copies of a program's descriptors", &probes.pidfd_getfd, |_| {
            Some(yama_remedy(setting("kernel/yama/ptrace_scope").as_deref()))
        }),
        finding("ping", "pinging other networks (ping sockets)", &probes.ping, |_| {
            Some("sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"".to_owned())
        }),
        finding("packet", "--nic: frames on the machine's own interfaces", &probes.packet, |_| {
            Some("run danja as root, or setcap cap_net_raw+ep $(command -v danja)".to_owned())
        }),
        finding(
            "runtime_directory",
            "danja ss and its like (the runtime directory)",
            &directory,
            none,
        ),
    ]
}

/// What permits namespaces, by what forbids them.
fn namespace_remedy(error: &io::Error, map_refused: bool) -> String {
    let is = |name: &str, value: &str| setting(name).as_deref() == Some(value);
    if is("user/max_user_namespaces", "0") {
        return "sysctl -w user.max_user_namespaces=15000".to_owned();
    }
    if is("kernel/unprivileged_userns_clone", "0") {
        return "sysctl -w kernel.unprivileged_userns_clone=1".to_owned();
    }
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        return "install the AppArmor profile packaging/apparmor/danja (apparmor_parser -r), or \
                sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
            .to_owned();
    }
    if map_refused {
        return "a security module refuses the user's mapping: ask who runs the machine".to_owned();
    }
    if error.kind() == io::ErrorKind::PermissionDenied {
        // What Docker's and Podman's default filters say.
        return "in a container: docker run --security-opt seccomp=unconfined \u{2026}".to_owned();
    }
    "a kernel with CONFIG_USER_NS and CONFIG_NET_NS".to_owned()
}

fn tun_remedy(error: &io::Error, has_namespace: bool) -> Option<String> {
    has_namespace.then(|| match error.kind() {
        io::ErrorKind::NotFound => {
            "modprobe tun (in a container: docker run --device /dev/net/tun \u{2026})".to_owned()
        }
        _ => "chmod 666 /dev/net/tun".to_owned(),
    })
}

fn listener_remedy(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ResourceBusy => {
            "another supervisor (a container's) has the listener already: run danja outside of it"
        }
        io::ErrorKind::PermissionDenied => {
            "in a container: docker run --security-opt seccomp=unconfined \u{2026}"
        }
        _ => "a kernel with CONFIG_SECCOMP_FILTER, Linux 5.0 or later",
    }
    .to_owned()
}

fn yama_remedy(scope: Option<&str>) -> String {
    match scope {
        Some("2" | "3") => "sysctl -w kernel.yama.ptrace_scope=1 (3 lasts until a restart)",
        _ => "Linux 5.6 or later; in a container: docker run --cap-add SYS_PTRACE \u{2026}",
    }
    .to_owned()
}

const fn described(way: Way) -> &'static str {
    match way {
        Way::Both => {
            "danja run takes notify over tun: TCP calls are answered by our stack, everything \
             else goes through a device of the program's own"
        }
        Way::Notify => {
            "danja run takes notify alone: TCP and UDP are ours; it is no sandbox, and ping and \
             raw sockets are missing"
        }
        Way::Tun => {
            "danja run takes tun alone: the program's TCP is its kernel's, continued by ours"
        }
        _ => "danja run cannot run programs here; danja get, serve and ping work",
    }
}

fn as_text(way: Way, findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = if finding.permitted { "yes" } else { "no " };
        text += &format!("{mark}  {}", finding.what);
        if let Some(why) = &finding.why {
            text += &format!(": {why}");
        }
        text += "\n";
        if let Some(remedy) = &finding.remedy {
            text += &format!("     {remedy}\n");
        }
    }
    text + "\n" + described(way) + ".\n"
}

fn as_json(probes: &Probes, findings: &[Finding]) -> String {
    let each = |finding: &Finding| {
        json!({
            "name": finding.name, "what": finding.what, "permitted": finding.permitted,
            "error": finding.why, "remedy": finding.remedy,
        })
    };
    let kernel = setting("kernel/osrelease");
    let all = json!({
        "format": 1,
        "mode": probes.way().to_string(),
        "kernel": kernel,
        "io_uring": {
            "permitted": probes.io_uring.is_ok(),
            "note": "under notify it is refused (ENOSYS): a listener does not see it",
        },
        "findings": findings.iter().map(each).collect::<Value>(),
    });
    format!("{all:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_follow_from_what_forbids() {
        let error = |kind| io::Error::from(kind);
        assert!(yama_remedy(Some("2")).contains("ptrace_scope=1"));
        assert!(!yama_remedy(Some("1")).contains("ptrace_scope"));
        let missing = tun_remedy(&error(io::ErrorKind::NotFound), true).unwrap();
        assert!(missing.contains("modprobe tun"));
        let denied = tun_remedy(&error(io::ErrorKind::PermissionDenied), true).unwrap();
        assert_eq!(denied, "chmod 666 /dev/net/tun");
        assert!(tun_remedy(&error(io::ErrorKind::NotFound), false).is_none());
        assert!(listener_remedy(&error(io::ErrorKind::ResourceBusy)).contains("outside"));
    }

    #[test]
    fn each_finding_says_why_it_is_not_permitted() {
        let refused = Err(error());
        let found = finding("x", "a thing", &refused, |_| Some("do this".to_owned()));
        let text = as_text(Way::None, &[found]);
        assert!(text.starts_with("no   a thing: "), "{text}");
        assert!(
            text.contains("\n     do this\n") && text.contains("cannot run programs"),
            "{text}"
        );
    }

    fn error() -> io::Error {
        io::Error::from(io::ErrorKind::PermissionDenied)
    }
}
