//! `https://` against a TLS server on the same LAN, with authorities of the test's own; and
//! redirects.

use super::*;
use crate::args::{Cli, Command, NetworkArgs};
use clap::Parser;
use danja::net::TcpListener;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use tempfile::TempDir;

/// Signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }
}

/// A LAN whose host `get` fetches, and serves a page over TLS at port 443.
struct Site {
    network: Network,
    authority: Authority,
    folder: TempDir,
}

impl Site {
    /// Its certificate is for `name`, and good until the first day of `year`.
    fn new(name: &str, year: i32) -> Self {
        let network = Network::new(&NetworkArgs::default(), "get").unwrap();
        let authority = Authority::new();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        let config =
            ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
                )
                .unwrap();
        let config = Arc::new(config);
        let at = SocketAddr::new(network.address(), 443);
        let listener = TcpListener::bind(&network.host, at).unwrap();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                // A client that trusts nobody breaks off.
                let _ = answer(StreamOwned::new(tls, stream));
            }
        });
        Self { network, authority, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `danja get` with these words on this LAN: the page, or what was said.
    fn get(&self, words: &str) -> Result<String, String> {
        let page = self.folder.path().join("page");
        let line = format!("danja get {words} -o {}", page.display());
        let Command::Get(args) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
            panic!("{line}");
        };
        let tls = tls::trust(args.cacert.as_deref()).map_err(|failure| format!("{failure:?}"))?;
        let agent = agent(&self.network, tls, &Trace::default());
        let (uri, none) = (url::parse(&args.url).unwrap(), AtomicU64::new(0));
        let talk = Talk { quiet: true, verbose: 0 };
        let done = fetch(&args, talk, &uri, (&self.network, &agent), &none);
        done.map_err(|failure| format!("{failure:?}"))?;
        Ok(std::fs::read_to_string(page).unwrap())
    }

    /// What is said of its certificate, whose authority is trusted.
    fn complaint(&self) -> String {
        let file = self.file("ca.pem", &self.authority.pem);
        self.get(&format!("https://get/ --cacert {}", file.display())).unwrap_err()
    }
}

/// Answers one request over TLS.
fn answer(mut stream: StreamOwned<ServerConnection, danja::net::TcpStream>) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&chunk[..read]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret")?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[test]
fn a_page_over_tls() {
    let site = Site::new("get", 2100);
    let ca = site.file("ca.pem", &site.authority.pem);
    let page = site.get(&format!("https://get/ --cacert {}", ca.display()));
    assert_eq!(page.as_deref(), Ok("secret"));
    // Several authorities in a file, among words.
    let many = format!("others\n{}\n{}", Authority::new().pem, site.authority.pem);
    let many = site.file("many.pem", &many);
    let page = site.get(&format!("https://get:443/ --cacert {}", many.display()));
    assert_eq!(page.as_deref(), Ok("secret"));
}

#[test]
fn an_authority_that_is_not_trusted() {
    let site = Site::new("get", 2100);
    for words in ["https://get/".to_owned(), {
        let other = site.file("other.pem", &Authority::new().pem);
        format!("https://get/ --cacert {}", other.display())
    }] {
        let said = site.get(&words).unwrap_err();
        assert!(said.contains("signed by nobody who is trusted"), "{said}");
        assert!(said.contains("--cacert") && said.contains("https://get/"), "{said}");
    }
}

#[test]
fn a_certificate_for_another_name_or_of_another_time() {
    let said = Site::new("elsewhere", 2100).complaint();
    assert!(said.contains("is not for get, but for elsewhere"), "{said}");
    let said = Site::new("get", 2001).complaint();
    assert!(said.contains("expired on Mon, 01 Jan 2001 00:00:00 GMT"), "{said}");
}

#[test]
fn what_is_no_tls_and_no_file_of_authorities() {
    let site = Site::new("get", 2100);
    let said = site.get("https://danja:80/").unwrap_err();
    assert!(said.contains("does not speak TLS") && said.contains("http://"), "{said}");
    let empty = site.file("empty.pem", "nothing\n");
    let said = site.get(&format!("https://get/ --cacert {}", empty.display())).unwrap_err();
    assert!(said.contains("no certificate in it") && said.contains("empty.pem"), "{said}");
    let said = site.get("https://get/ --cacert /nowhere/at/all").unwrap_err();
    assert!(said.contains("--cacert /nowhere/at/all"), "{said}");
}

/// A server at `port` of the LAN's host that gives each client the next of these answers.
fn answers(site: &Site, port: u16, answers: Vec<String>) {
    let at = SocketAddr::new(site.network.address(), port);
    let listener = TcpListener::bind(&site.network.host, at).unwrap();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

#[test]
fn redirects_are_followed_and_counted() {
    let site = Site::new("get", 2100);
    let ca = site.file("ca.pem", &site.authority.pem);
    let to = |target: &str| {
        format!(
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n"
        )
    };
    answers(&site, 80, vec![to("http://get:81/next")]);
    answers(&site, 81, vec![to("https://get/")]);
    let page = site.get(&format!("http://get/ --cacert {}", ca.display()));
    assert_eq!(page.as_deref(), Ok("secret"));
    answers(&site, 82, vec![to("/"); 20]);
    let said = site.get("http://get:82/").unwrap_err();
    assert!(said.contains("sends on and on"), "{said}");
    answers(&site, 83, vec![to("/").replace("Location", "Nowhere")]);
    let said = site.get("http://get:83/").unwrap_err();
    assert!(said.contains("cannot be understood: missing a location"), "{said}");
    answers(&site, 84, vec!["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_owned()]);
    let said = site.get("http://get:84/").unwrap_err();
    assert!(said.contains("cut short after 4 of 10 bytes"), "{said}");
}
