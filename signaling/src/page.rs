//! The viewer's page out of the binary, with the headers of a page that holds keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};

/// Built by `make page`; `build.rs` says so where it is missing.
#[derive(RustEmbed)]
#[folder = "../web-viewer/dist"]
struct Page;

/// Nothing from elsewhere, nothing inline; sockets anywhere, since signaling servers may be anywhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self' blob: mediastream:; font-src 'self'; worker-src 'self'; connect-src 'self' ws: wss:; \
    manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const PERMISSIONS: &str = "accelerometer=(), bluetooth=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
    hid=(), magnetometer=(), microphone=(self), midi=(), payment=(), serial=(), usb=()";

/// On every answer of the server, the page's or not.
pub(crate) const SECURITY_HEADERS: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
];

/// A file of the page, ready to be sent.
struct File {
    plain: Bytes,
    /// Where it is worth it.
    gzip: Option<Bytes>,
    content_type: HeaderValue,
    caching: &'static str,
    etag: HeaderValue,
}

/// Packed once, at the first request.
static FILES: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    let files = Page::iter().filter_map(|path| Some((path.to_string(), prepare(&path, Page::get(&path)?)?)));
    files.collect()
});

/// A file of the page. Paths are looked up in a table that was made at build time; no file system is asked.
pub(crate) fn serve(path: &str, request: &HeaderMap) -> Response {
    let path = match path.trim_start_matches('/') {
        "" => INDEX,
        path => path,
    };
    let Some(file) = FILES.get(path) else {
        return (StatusCode::NOT_FOUND, "there is nothing here\n").into_response();
    };
    let known = file.caching != NO_STORE && request.get(IF_NONE_MATCH) == Some(&file.etag);
    let gzip = file.gzip.clone().filter(|_| !known && accepts_gzip(request));
    let packed = gzip.is_some();
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(gzip.unwrap_or_else(|| file.plain.clone())).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, file.content_type.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(file.caching));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if file.caching != NO_STORE {
        headers.insert(ETAG, file.etag.clone());
    }
    response
}

fn prepare(path: &str, file: EmbeddedFile) -> Option<File> {
    let content_type = HeaderValue::from_str(&content_type(path, file.metadata.mimetype())).ok()?;
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    // Weak, since the packed form has the same one (RFC 9110 §8.8.1).
    let etag = HeaderValue::from_str(&format!("W/\"{hex}\"")).ok()?;
    let plain = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let gzip = gzip(&plain).ok().filter(|packed| packed.len() < plain.len() * 9 / 10);
    Some(File { plain, gzip, content_type, caching: caching(path), etag })
}

fn gzip(plain: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

/// Whether the client takes gzip: named, and not with `q=0` (RFC 9110 §12.5.3).
fn accepts_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

const INDEX: &str = "index.html";
const NO_STORE: &str = "no-store";

/// Files that carry a hash of their content in their name never change. The page itself is always asked for, so that an
/// update arrives.
fn caching(path: &str) -> &'static str {
    if path == INDEX {
        NO_STORE
    } else if is_hashed(path) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

/// Whether the name is `NAME-HASH.EXT`, as esbuild makes them: 8 characters of base 32.
fn is_hashed(path: &str) -> bool {
    let stem = path.split('.').next().unwrap_or_default();
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
    })
}

fn content_type(path: &str, guessed: &str) -> String {
    match path.rsplit_once('.') {
        Some((_, "webmanifest")) => "application/manifest+json".to_owned(),
        Some((_, "html" | "js" | "css" | "txt" | "svg")) => format!("{guessed}; charset=utf-8"),
        _ => guessed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        for (path, expected) in [
            ("index.html", "no-store"),
            ("main-K5DXYZ27.js", "public, max-age=31536000, immutable"),
            ("main-k5dxyz27.js", "no-cache"),
            ("icon-180.png", "no-cache"),
            ("manifest.webmanifest", "no-cache"),
        ] {
            assert_eq!(caching(path), expected, "{path}");
        }
    }

    #[test]
    fn the_page_is_there_and_nothing_outside_it() {
        let headers = HeaderMap::new();
        let index = serve("/", &headers);
        assert_eq!(index.status(), StatusCode::OK);
        assert_eq!(index.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(index.headers()[CACHE_CONTROL], "no-store");
        for path in ["/../Cargo.toml", "/..%2fCargo.toml", "//etc/passwd", "/index.html/", "/none"] {
            assert_eq!(serve(path, &headers).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn scripts_travel_packed_to_those_who_take_it_and_once() {
        let (path, file) = FILES.iter().max_by_key(|(_, file)| file.plain.len()).expect("the page has files");
        let ask = |headers: &[(HeaderName, &str)]| {
            let mut request = HeaderMap::new();
            for (name, value) in headers {
                request.insert(name, HeaderValue::from_str(value).expect("a header value"));
            }
            serve(path, &request)
        };
        for (accept, packed) in
            [("gzip", true), ("br, GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false), ("x-gzip", false)]
        {
            let response = ask(&[(ACCEPT_ENCODING, accept)]);
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), packed && file.gzip.is_some(), "{accept}");
        }
        let etag = file.etag.to_str().expect("hex");
        let expected = if path == INDEX { StatusCode::OK } else { StatusCode::NOT_MODIFIED };
        assert_eq!(ask(&[(IF_NONE_MATCH, etag)]).status(), expected);
        assert_eq!(ask(&[(IF_NONE_MATCH, "W/\"other\"")]).status(), StatusCode::OK);
        let text = b"abcabcabc".repeat(1_000);
        let mut unpacked = vec![];
        let packed = gzip(&text).expect("memory takes it");
        io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).expect("our own gzip");
        assert!(unpacked == text && packed.len() < 500);
    }

    #[test]
    fn a_policy_of_a_page_with_keys() {
        assert!(POLICY.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        for unsafe_word in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"] {
            assert!(!POLICY.contains(unsafe_word), "{unsafe_word}");
        }
    }
}
