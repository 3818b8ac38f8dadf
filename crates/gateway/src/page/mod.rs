//! The page at `http://danja/`: the LAN's hosts, their sockets with control information,
//! neighbours and routes. HTML for a browser, text for `curl`, JSON under `/api/`. Shows, and
//! changes nothing.

mod html;
mod json;
mod text;

pub use json::{control_info, counters, interface, neighbour, route};

use crate::http::{self, Body, Method, Request, Response, StatusCode, header};
use crate::lan::Lan;
use danja::Host;
use danja::stack::SocketId;
use danja::stack::views::InterfaceView;
use hyper::http::uri::Authority;
use std::net::IpAddr;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";

/// Answers a request about a LAN.
pub fn answer(request: &Request, lan: &Lan) -> Response {
    let mut response = match request.parts.method {
        _ if !is_addressed(request, lan) => http::text(
            StatusCode::MISDIRECTED_REQUEST,
            TEXT,
            "This page answers to an IP address, to localhost and to the names of its LAN only.\n",
        ),
        Method::GET | Method::HEAD => page(request, lan),
        _ => {
            let mut response =
                http::text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "Here one can only look.\n");
            let allowed = header::HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
            response
        }
    };
    let headers = response.headers_mut();
    // What is shown is true for a moment only.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    // Should a name ever come through unescaped, it still loads nothing and is in no frame.
    headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(POLICY));
    let nosniff = header::HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    // `hyper` counts the body's bytes; of a HEAD it sends none.
    if request.parts.method == Method::HEAD {
        let length = hyper::body::Body::size_hint(response.body()).exact().unwrap_or(0);
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        *response.body_mut() = Body::empty();
    }
    response
}

/// Whether the client means this server. A page of the web whose name its owner lets point here
/// (DNS rebinding) would otherwise read the LAN through the user's browser; no such name is an
/// address, `localhost`, or a name of the LAN. Who names no host is no browser.
fn is_addressed(request: &Request, lan: &Lan) -> bool {
    let named = match request.parts.uri.authority() {
        Some(authority) => authority.clone(),
        None => match request.parts.headers.get(header::HOST).map(header::HeaderValue::as_bytes) {
            None | Some([]) => return true,
            Some(text) => match Authority::try_from(text) {
                Ok(authority) => authority,
                Err(_) => return false,
            },
        },
    };
    let name = named.host().trim_end_matches('.');
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    literal.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || !lan.addresses_of(name).is_empty()
}

fn page(request: &Request, lan: &Lan) -> Response {
    let hosts = lan.hosts();
    let found = match request.parts.uri.path() {
        "/" if http::wants_html(request) => {
            return http::text(StatusCode::OK, HTML, html::page(&hosts, &visitor(request, lan)));
        }
        "/" => return http::text(StatusCode::OK, TEXT, text::page(&hosts, &visitor(request, lan))),
        "/api/" | "/api" => json::index(),
        "/api/hosts" => json::hosts(&lan.members()),
        "/api/sockets" => json::sockets(&lan.members()),
        "/api/neighbours" => json::neighbours(&lan.members()),
        "/api/routes" => json::routes(&lan.members()),
        "/api/counters" => json::all_counters(&lan.members()),
        _ => {
            let text = "There is no such page. There are / and, as JSON, /api/hosts, \
                        /api/sockets, /api/neighbours, /api/routes and /api/counters.\n";
            return http::text(StatusCode::NOT_FOUND, TEXT, text);
        }
    };
    json(&found)
}

/// An answer with a JSON object.
pub(crate) fn json(found: &serde_json::Value) -> Response {
    http::text(StatusCode::OK, JSON, format!("{found:#}\n"))
}

/// Who looks at the page, in words.
fn visitor(request: &Request, lan: &Lan) -> String {
    let Request { client, server, .. } = request;
    if lan.name_of(server.ip()).is_none() {
        return format!("You are {client} and look at this LAN from outside.");
    }
    format!(
        "You are {client}, and this server is {server}: these two endpoints are our connection."
    )
}

/// A descriptor for people: its place in the table, and how often that was used before.
pub fn descriptor(socket: SocketId) -> String {
    // The bits are shard 8, generation 24, slot 32.
    let bits = socket.to_bits();
    let (slot, generation) = (bits & 0xffff_ffff, (bits >> 32) & 0xff_ffff);
    if generation == 0 { slot.to_string() } else { format!("{slot}.{generation}") }
}

/// The name of an interface, for people.
pub(crate) fn interface_name(
    interfaces: &[InterfaceView],
    id: danja::stack::InterfaceId,
) -> String {
    interfaces
        .iter()
        .find(|interface| interface.id == id)
        .map_or_else(|| format!("interface {}", id.0), |interface| interface.name.clone())
}

/// Why an interface carries nothing, if it does not.
pub(crate) const fn trouble(view: &InterfaceView) -> &'static str {
    match (view.up, view.link) {
        (false, _) => "; down",
        (true, false) => "; no link",
        (true, true) => "",
    }
}

/// A host's interfaces without its loopback.
pub(crate) fn links(host: &Host) -> Vec<InterfaceView> {
    let mut interfaces = host.interfaces();
    interfaces.retain(|interface| interface.id != danja::stack::InterfaceId::LOOPBACK);
    interfaces
}
