//! Languages with a way of their own to sockets: Go (static, own system calls), Java, Node.

use crate::case::{Case, Meeting};

const ANYWHERE: &[Meeting] = &[Meeting::Within, Meeting::Out, Meeting::In];

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "Go, static",
        does: "`net` client and server, `net/http`, UDP, a refused and a timed-out connection",
        needs: &["go"],
        meetings: ANYWHERE,
        ports: "7000 7001/udp 8000",
        server: r#""$SHARED/go_server""#,
        client: r#"listening 8000; step "fifty clients"; "$SHARED/go_client" "$SERVER""#,
        ..Case::BASE
    },
    Case {
        name: "Java Socket, ServerSocket",
        does: "a thread each, ten clients; `DatagramSocket`; refused",
        needs: &["java", "javac"],
        meetings: ANYWHERE,
        ports: "7000 7001/udp",
        server: r#"java -Xmx64m -XX:TieredStopAtLevel=1 -cp "$SHARED/java" Server blocking"#,
        client: r#"
            said ready "$T/server.log"
            step "ten clients"
            java -Xmx64m -XX:TieredStopAtLevel=1 -cp "$SHARED/java" Client blocking "$SERVER"
        "#,
        seconds: 90,
        ..Case::BASE
    },
    Case {
        name: "Java NIO",
        does: "one selector: `OP_ACCEPT`, `OP_CONNECT`, ten clients at once; refused",
        needs: &["java", "javac"],
        meetings: ANYWHERE,
        ports: "7000",
        server: r#"java -Xmx64m -XX:TieredStopAtLevel=1 -cp "$SHARED/java" Server nio"#,
        client: r#"
            said ready "$T/server.log"
            step "ten clients"
            java -Xmx64m -XX:TieredStopAtLevel=1 -cp "$SHARED/java" Client nio "$SERVER"
        "#,
        seconds: 90,
        ..Case::BASE
    },
    Case {
        name: "Node",
        does: "`http`, `net` and `dgram`, fifty requests at once, half close, refused",
        needs: &["node"],
        meetings: ANYWHERE,
        ports: "7000 7001/udp 8000",
        server: r#"node "$SHARED/server.js""#,
        client: r#"said ready "$T/server.log"; step "fifty requests"; node "$SHARED/client.js" "$SERVER""#,
        ..Case::BASE
    },
];
