//! The page for a browser: one document without outside resources, which keeps itself fresh.

use super::{interface_name, json, links, trouble};
use danja::Host;
use danja::stack::Instant;
use danja::stack::views::{ControlInfo, TcpInfo};
use serde_json::Value;
use std::fmt::{self, Write};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("refresh.js");

/// Text in a document, with its special characters escaped.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The whole document. Writing to a text cannot fail.
pub(super) fn page(hosts: &[Host], visitor: &str) -> String {
    let mut page = String::with_capacity(16 * 1024);
    let _ = writeln!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Danja: a protocol stack at work</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>Danja</h1><p>A TCP/IP protocol stack at work: the hosts of this LAN, their \
         sockets and control information, their neighbours and routes, as they are at this \
         moment.</p></header>\n<main>"
    );
    let _ = writeln!(page, "<p class=\"you\">{}</p>", Escaped(visitor));
    let _ = write_cable(&mut page, hosts);
    for host in hosts {
        let _ = write_host(&mut page, host);
    }
    let _ = writeln!(
        page,
        "</main>\n<footer>As JSON: <a href=\"/api/hosts\">hosts</a> \
         <a href=\"/api/sockets\">sockets</a> <a href=\"/api/neighbours\">neighbours</a> \
         <a href=\"/api/routes\">routes</a> <a href=\"/api/counters\">counters</a> \
         <label><input type=\"checkbox\" id=\"live\" checked> keep fresh</label></footer>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>"
    );
    page
}

/// A drawing of the LAN: each host hangs on the cable by its adapter.
fn write_cable(page: &mut String, hosts: &[Host]) -> fmt::Result {
    const STEP: usize = 220;
    let width = STEP * hosts.len().max(1) + 20;
    writeln!(
        page,
        "<svg class=\"lan\" viewBox=\"0 0 {width} 150\" role=\"img\" aria-label=\"The LAN\">\n\
         <line class=\"cable\" x1=\"10\" y1=\"128\" x2=\"{}\" y2=\"128\"/>",
        width - 10
    )?;
    for (number, host) in hosts.iter().enumerate() {
        let left = 20 + number * STEP;
        let middle = left + 90;
        let link = links(host).into_iter().next();
        let address = link
            .as_ref()
            .and_then(|link| link.addresses.first().map(ToString::to_string))
            .unwrap_or_default();
        let mac = link.as_ref().and_then(json::mac_of).unwrap_or_default();
        writeln!(
            page,
            "<line class=\"plug\" x1=\"{middle}\" y1=\"84\" x2=\"{middle}\" y2=\"128\"/>\
             <circle class=\"jack\" cx=\"{middle}\" cy=\"128\" r=\"5\"/>\
             <rect class=\"host\" x=\"{left}\" y=\"8\" width=\"180\" height=\"76\" rx=\"10\"/>\
             <text class=\"name\" x=\"{middle}\" y=\"32\">{}</text>\
             <text x=\"{middle}\" y=\"52\">{}</text>\
             <text class=\"mac\" x=\"{middle}\" y=\"70\">{}</text>",
            Escaped(host.name()),
            Escaped(&address),
            Escaped(&mac)
        )?;
    }
    page.write_str("</svg>\n")
}

fn write_host(page: &mut String, host: &Host) -> fmt::Result {
    let interfaces = host.interfaces();
    let now = host.now();
    writeln!(page, "<section>\n<h2>{}</h2>", Escaped(host.name()))?;
    for link in links(host) {
        writeln!(
            page,
            "<p class=\"link\">{}: in {} frames, {} bytes; out {} frames, {} bytes; MTU {}{}</p>",
            Escaped(&link.name),
            link.received.0,
            link.received.1,
            link.sent.0,
            link.sent.1,
            link.mtu,
            trouble(&link)
        )?;
    }
    page.write_str(
        "<h3>Sockets</h3>\n<div class=\"wide\"><table><thead><tr><th>descriptor<th>kind<th>state\
         <th>local<th>peer<th class=\"n\">memory<th class=\"n\">to send<th class=\"n\">received\
         </tr></thead>\n<tbody>\n",
    )?;
    for info in &host.sockets() {
        write_socket(page, host.name(), info, now)?;
    }
    page.write_str(
        "</tbody></table></div>\n<div class=\"pair\"><div><h3>Neighbours</h3>\n<table><tbody>\n",
    )?;
    for neighbour in host.neighbours() {
        writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}</tr>",
            neighbour.address,
            neighbour.mac.map_or_else(|| "?".to_owned(), |mac| mac.to_string()),
            state(&format!("{:?}", neighbour.state).to_uppercase()),
            Escaped(&interface_name(&interfaces, neighbour.interface))
        )?;
    }
    page.write_str("</tbody></table></div>\n<div><h3>Routes</h3>\n<table><tbody>\n")?;
    for route in host.routes() {
        let via =
            route.gateway.map_or_else(|| "on the link".to_owned(), |via| format!("via {via}"));
        let name = interface_name(&interfaces, route.interface);
        writeln!(page, "<tr><td>{}<td>{via}<td>{}</tr>", route.destination, Escaped(&name))?;
    }
    page.write_str("</tbody></table></div></div>\n</section>\n")
}

/// A state as a badge; its class gives the colour.
fn state(name: &str) -> String {
    format!("<span class=\"state {}\">{name}</span>", name.to_ascii_lowercase())
}

fn write_socket(page: &mut String, host: &str, info: &ControlInfo, now: Instant) -> fmt::Result {
    let dash = || "–".to_owned();
    let descriptor = info.socket.map(super::descriptor);
    writeln!(
        page,
        "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}</tr>",
        descriptor.clone().unwrap_or_else(dash),
        json::kind(info.kind),
        info.state.map_or_else(dash, |name| state(name.name())),
        info.local.map_or_else(dash, |local| local.to_string()),
        info.remote.map_or_else(dash, |remote| remote.to_string()),
        info.memory,
        info.send_queue,
        info.receive_queue,
    )?;
    let Some(tcp) = &info.tcp else { return Ok(()) };
    // An open one stays open when the page is refreshed: the name tells which it is.
    let name = format!("{host} {:?} {:?}", info.local, info.remote);
    writeln!(
        page,
        "<tr class=\"more\"><td colspan=\"8\"><details data-name=\"{}\"><summary>{}</summary>\
         <dl>",
        Escaped(&name),
        Escaped(&summary(tcp))
    )?;
    let Value::Object(all) = json::control_info(info, now) else { return Ok(()) };
    for (key, value) in &all {
        match value {
            Value::Object(inner) if key == "tcp" => {
                for (key, value) in inner {
                    write_field(page, key, value)?;
                }
            }
            _ => write_field(page, key, value)?,
        }
    }
    page.write_str("</dl></details></tr>\n")
}

fn write_field(page: &mut String, key: &str, value: &Value) -> fmt::Result {
    let value = match value {
        Value::Null => return Ok(()),
        Value::String(text) => text.clone(),
        Value::Object(timers) if timers.is_empty() => return Ok(()),
        other => other.to_string(),
    };
    writeln!(page, "<div><dt>{}</dt><dd>{}</dd></div>", Escaped(key), Escaped(&value))
}

fn summary(tcp: &TcpInfo) -> String {
    let srtt = tcp.srtt.map_or_else(
        || "round trip not measured".to_owned(),
        |srtt| format!("round trip {:.3} ms", srtt.as_secs_f64() * 1e3),
    );
    format!(
        "control information: {} bytes sent, {} received, {srtt}, next to send {}, next expected {}",
        tcp.bytes_sent, tcp.bytes_received, tcp.snd_nxt, tcp.rcv_nxt
    )
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn names_cannot_break_the_document() {
        let name = "<script>'\"&";
        assert_eq!(Escaped(name).to_string(), "&lt;script&gt;&#39;&quot;&amp;");
    }
}
