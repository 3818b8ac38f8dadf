//! A browser, and Python's own tests of its sockets.

use crate::case::{Case, Meeting};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "Chromium, headless",
        does: "a page with twenty objects; its picture is the kernel's",
        needs: &["chromium", "python3"],
        meetings: Meeting::FROM,
        server: r#"python3 "$SHARED/page_server.py" "$T/www""#,
        client: r#"
            listening 8000
            step "load the page"
            export XDG_CONFIG_HOME=$T/chromium XDG_CACHE_HOME=$T/chromium
            chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
                --no-first-run --disable-background-networking --disable-component-update --disable-sync \
                --user-data-dir="$T/chromium" --window-size=800,600 --force-device-scale-factor=1 \
                --virtual-time-budget=10000 --screenshot="$T/picture.png" "http://$SERVER:8000/" >browser.log 2>&1 ||
                { tail -5 browser.log; exit 1; }
            step "twenty objects were asked for"
            [ "$(grep -c 'GET /square' requests)" = 20 ]
            step "the picture"
            python3 "$SHARED/picture.py" picture.png
        "#,
        seconds: 120,
        ..Case::BASE
    },
    Case {
        name: "Python test_socket",
        does: "the standard library's own tests of TCP and UDP over IPv4",
        needs: &["python3"],
        server: "sleep 1000",
        client: r#"
            step "the tests"
            python3 "$SHARED/library_tests.py" test_socket
        "#,
        seconds: 300,
        ..Case::BASE
    },
    Case {
        name: "Python test_asyncio",
        does: "the standard library's own tests of streams, servers and datagrams",
        needs: &["python3"],
        server: "sleep 1000",
        client: r#"
            step "the tests"
            python3 "$SHARED/library_tests.py" test_asyncio
        "#,
        seconds: 300,
        ..Case::BASE
    },
];
