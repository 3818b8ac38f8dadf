//! Understands the back-quoted commands of scripts that are about the stack. None is executed:
//! what is not understood here makes the script not applicable.

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Set a knob of the simulated machine: its name with dots, and its value.
    Set(String, String),
    /// The number of TCP connections in this state must be this.
    Count {
        /// `sockstat`'s name of the state.
        state: String,
        /// How many.
        count: usize,
        /// Only those that a descriptor leads to: the listing was searched for the program's name.
        owned: bool,
    },
    /// Drop the TCP connections in this state.
    Drop(String),
}

/// Splits a text into what it asks for, in order.
///
/// # Errors
/// The first command that is not about the simulated stack.
pub fn understand(text: &str) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    // A backslash at a line's end joins the next line to it.
    let text = text.replace("\\\n", " ").replace("&&", "\n");
    for command in text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()) {
        one(command, &mut requests)?;
    }
    Ok(requests)
}

fn one(command: &str, requests: &mut Vec<Request>) -> Result<(), String> {
    let refused = || Err(format!("`{command}` is not about the simulated stack"));
    let words = words(command);
    let mut words = words.iter().map(String::as_str);
    let program = words.next().unwrap_or_default();
    match program.rsplit('/').next().unwrap_or_default() {
        "sysctl" | "set_sysctls.py" => {
            for word in words.filter(|word| !matches!(*word, "-w" | "-q" | "-qw" | "-wq")) {
                let Some((name, value)) = word.split_once('=') else { return refused() };
                let name = name.strip_prefix("/proc/sys/").unwrap_or(name).replace('/', ".");
                requests.push(Request::Set(name, value.to_owned()));
            }
        }
        // Google's scripts begin with it; `Personality::Linux` has its values.
        "defaults.sh" => {}
        // Every script has a machine of its own: nothing is to be restored.
        restore if restore.starts_with("sysctl_restore") => {}
        "sockstat" => match count(command) {
            Some(request) => requests.push(request),
            None => return refused(),
        },
        "tcpdrop" => match (words.next(), words.next(), words.next()) {
            (Some("-s"), Some(state), None) => requests.push(Request::Drop(state.to_owned())),
            _ => return refused(),
        },
        _ => return refused(),
    }
    Ok(())
}

/// `sockstat … | grep NAME | grep -c STATE | grep NUMBER`.
fn count(command: &str) -> Option<Request> {
    let mut filters = command.split('|').skip(1).map(str::split_whitespace);
    let (mut state, mut owned) = (None, false);
    loop {
        let mut filter = filters.next()?;
        match (filter.next()?, filter.next()?, filter.next(), state) {
            ("grep", "-c", Some(name), None) => state = Some(name),
            ("grep", number, None, Some(state)) => {
                return Some(Request::Count {
                    state: state.to_owned(),
                    count: number.parse().ok()?,
                    owned,
                });
            }
            // The program's name, which is cut off in the listing.
            ("grep", name, None, None) if name.starts_with("packetdril") => owned = true,
            _ => return None,
        }
    }
}

/// Words separated by spaces, quotes undone.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => words.push(String::new()),
            _ => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::{Request, understand};

    fn set(name: &str, value: &str) -> Request {
        Request::Set(name.to_owned(), value.to_owned())
    }

    #[test]
    fn settings_of_every_spelling() {
        let joined = understand("sysctl -q a=1 \\\n  b=2");
        assert_eq!(joined, Ok(vec![set("a", "1"), set("b", "2")]));
        assert_eq!(
            understand("sysctl -w net.inet.tcp.sack.enable=1"),
            Ok(vec![set("net.inet.tcp.sack.enable", "1")])
        );
        let text = "../common/defaults.sh\n../common/set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0 \\
            && sysctl -q net.ipv4.tcp_rmem=\"4096 131072 6291456\"; /tmp/sysctl_restore_${PPID}.sh";
        let text = text.replace("\\\n", " ");
        let expected =
            vec![set("net.ipv4.tcp_sack", "0"), set("net.ipv4.tcp_rmem", "4096 131072 6291456")];
        assert_eq!(understand(&text), Ok(expected));
    }

    #[test]
    fn questions_about_states() {
        let text = "sockstat -4 -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1";
        assert_eq!(
            understand(text),
            Ok(vec![Request::Count { state: "TIME_WAIT".to_owned(), count: 1, owned: true }])
        );
        assert_eq!(
            understand("tcpdrop -s TIME_WAIT"),
            Ok(vec![Request::Drop("TIME_WAIT".to_owned())])
        );
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "rm -rf /",
            "ip route add default via 192.0.2.1",
            "sysctl -a",
            "sockstat | wc -l",
            "tcpdrop -a",
        ] {
            assert!(understand(text).is_err(), "{text}");
        }
        assert!(understand("sysctl -w a=1; reboot").is_err());
    }
}
