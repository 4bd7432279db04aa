use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::canary::{Canary, Header, Value};
use super::routes::Route;

/// The whole configuration.
pub(super) fn config(folder: &Path, address: SocketAddr, routes: &[Route]) -> String {
    let folder = folder.display();
    let mut text = format!(
        "user root;\nworker_processes 2;\ndaemon off;\npid {folder}/pid;\nerror_log stderr warn;\n\
         events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\nserver_names_hash_bucket_size 256;\n\
         map_hash_bucket_size 256;\nvariables_hash_bucket_size 256;\n\
         client_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\nfastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi;\nscgi_temp_path {folder}/scgi;\n\
         server {{ listen {address} default_server; return 404; }}\n"
    );
    let mut hosts = BTreeMap::<&str, Vec<(usize, &Route)>>::new();
    for (number, route) in routes.iter().enumerate() {
        hosts.entry(&route.host).or_default().push((number, route));
        if let (Some(stable), Some((canary, address))) = (&route.stable, &route.canary) {
            choice(&mut text, number, canary, address, stable);
        }
    }
    for (host, routes) in hosts {
        let host = if host.is_empty() { "\"\"" } else { host };
        add(&mut text, format_args!("server {{\nlisten {address};\nserver_name {host};\n"));
        for (number, route) in routes {
            for place in places(route) {
                location(&mut text, &place, number, route);
            }
        }
        text.push_str("}\n");
    }
    text.push_str("}\n");
    text
}

/// The header decides before the cookie, the cookie before the weight.
fn choice(text: &mut String, number: usize, canary: &Canary, address: &str, stable: &str) {
    add(text, format_args!("split_clients $request_id $by_weight_{number} {{ {} }}\n", split(canary)));
    let weight = format!("$by_weight_{number}");
    let cookie = canary.cookie.as_ref().map_or(weight.clone(), |name| {
        let rules = "always canary; never stable;";
        add(text, format_args!("map $cookie_{name} $by_cookie_{number} {{ {rules} default {weight}; }}\n"));
        format!("$by_cookie_{number}")
    });
    let header = canary.header.as_ref().map_or(cookie.clone(), |Header { name, value }| {
        let rules = match value {
            Value::AlwaysOrNever => "always canary; never stable;".to_owned(),
            Value::Exactly(value) => format!("{} canary;", quoted(value)),
            Value::Matching(pattern) => format!("{} canary;", quoted(&format!("~{pattern}"))),
        };
        let name = name.to_lowercase().replace('-', "_");
        add(text, format_args!("map $http_{name} $by_header_{number} {{ {rules} default {cookie}; }}\n"));
        format!("$by_header_{number}")
    });
    add(text, format_args!("map {header} $to_{number} {{ canary {address}; default {stable}; }}\n"));
}

/// The share of the canary in percent, to two places.
fn split(canary: &Canary) -> String {
    if canary.weight >= canary.total {
        return "* canary;".to_owned();
    }
    let hundredths = u64::from(canary.weight) * 10_000 / u64::from(canary.total);
    match hundredths {
        0 => "* stable;".to_owned(),
        _ => format!("{}.{:02}% canary; * stable;", hundredths / 100, hundredths % 100),
    }
}

/// A prefix is one of whole path elements.
fn places(route: &Route) -> Vec<String> {
    let path = route.path.trim_end_matches('/');
    match (route.exact, path) {
        (true, _) => vec![format!("= {}", quoted(&route.path))],
        (false, "") => vec!["/".to_owned()],
        (false, path) => vec![format!("= {}", quoted(path)), quoted(&format!("{path}/"))],
    }
}

fn location(text: &mut String, place: &str, number: usize, route: &Route) {
    let to = match (&route.stable, &route.canary) {
        (None, _) => return add(text, format_args!("location {place} {{ return 503; }}\n")),
        (Some(stable), None) => stable.clone(),
        (Some(_), Some(_)) => format!("$to_{number}"),
    };
    add(
        text,
        format_args!(
            "location {place} {{\nproxy_http_version 1.1;\nproxy_set_header Host $http_host;\n\
             proxy_set_header Connection \"\";\nproxy_set_header X-Forwarded-For $remote_addr;\n\
             proxy_connect_timeout 5s;\nproxy_pass http://{to};\n}}\n"
        ),
    );
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(weight: u32, total: u32) -> Canary {
        Canary { weight, total, ..Canary::default() }
    }

    #[test]
    fn a_weight_is_out_of_its_total() {
        assert_eq!(split(&canary(10, 100)), "10.00% canary; * stable;");
        assert_eq!(split(&canary(1, 1000)), "0.10% canary; * stable;");
        assert_eq!(split(&canary(1, 3)), "33.33% canary; * stable;");
        assert_eq!(split(&canary(0, 100)), "* stable;");
        assert_eq!(split(&canary(100, 100)), "* canary;");
    }

    #[test]
    fn the_header_decides_before_the_cookie_and_the_cookie_before_the_weight() {
        let mut text = String::new();
        let header = Header { name: "X-Canary".to_owned(), value: Value::AlwaysOrNever };
        let all = Canary { header: Some(header), cookie: Some("beta".to_owned()), ..canary(20, 100) };
        choice(&mut text, 7, &all, "10.0.0.2:80", "10.0.0.1:80");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "split_clients $request_id $by_weight_7 { 20.00% canary; * stable; }",
                "map $cookie_beta $by_cookie_7 { always canary; never stable; default $by_weight_7; }",
                "map $http_x_canary $by_header_7 { always canary; never stable; default $by_cookie_7; }",
                "map $by_header_7 $to_7 { canary 10.0.0.2:80; default 10.0.0.1:80; }",
            ]
        );
    }

    #[test]
    fn a_prefix_is_one_of_whole_elements() {
        let route = |path: &str, exact| Route {
            host: String::new(),
            path: path.to_owned(),
            exact,
            stable: None,
            canary: None,
        };
        assert_eq!(places(&route("/", false)), ["/"]);
        assert_eq!(places(&route("/cart", false)), ["= \"/cart\"", "\"/cart/\""]);
        assert_eq!(places(&route("/cart", true)), ["= \"/cart\""]);
    }
}
