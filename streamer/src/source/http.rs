//! One answer of an HTTP camera (RFC 9112): Basic and Digest, redirects within the same host, TLS. The one file that names
//! the HTTP and TLS libraries for it.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, LOCATION, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use url::Url;

use super::SourceError;
use super::login::{Answers, Challenged, Login};
use super::network::Progress;
use crate::words::Verdict;

/// Longest head of an answer, in bytes.
const MOST_HEAD: usize = 16 << 10;
/// Requests for one answer: two of a login, the rest redirects.
const MOST_REQUESTS: usize = 6;

/// An answer whose body is being received.
pub(super) struct Answer {
    pub(super) content_type: String,
    body: Incoming,
    /// Moves the connection's bytes; ends with this.
    _connection: JoinSet<()>,
}

/// Certificates that are trusted.
#[derive(Clone)]
pub(super) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// The authorities that browsers trust.
    pub(super) fn usual() -> Self {
        Self::of(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
    }

    pub(super) fn of(roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap_or_else(|_| unreachable!("the provider knows TLS 1.2 and 1.3"));
        Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}

impl Answer {
    /// Asks until it is let in, or is told why not.
    pub(super) async fn get(
        url: &Url,
        login: Option<&Login>,
        trust: &Trust,
        progress: &Progress,
    ) -> Result<Self, SourceError> {
        let (mut url, mut answers) = (url.clone(), Answers::new(login));
        for _ in 0..MOST_REQUESTS {
            let (response, connection) = request(&url, &mut answers, trust, progress).await?;
            let status = response.status();
            match status {
                StatusCode::OK => {
                    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                    let content_type = content_type.unwrap_or_default().to_owned();
                    return Ok(Self { content_type, body: response.into_body(), _connection: connection });
                }
                StatusCode::UNAUTHORIZED => challenge(&mut answers, response.headers())?,
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => url = elsewhere(&url, response.headers())?,
                StatusCode::FORBIDDEN => return Err(Verdict::LoginRefused.into()),
                StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Verdict::NoPath.into()),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                    return Err(Verdict::Crowded.into());
                }
                other => return Err(SourceError::from(Verdict::Nonsense).because(other)),
            }
        }
        Err(SourceError::from(Verdict::Nonsense).because("it sends on and on"))
    }

    /// More of the body; `None` at its end.
    pub(super) async fn bytes(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            match self.body.frame().await {
                // Anything else is a trailer.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(_) => continue,
                },
                Some(Err(why)) => return Err(SourceError::from(Verdict::Silent).because(why)),
                None => return Ok(None),
            }
        }
    }
}

/// One request on a connection of its own: a camera that answered once may not listen a second time.
async fn request(
    url: &Url,
    answers: &mut Answers<'_>,
    trust: &Trust,
    progress: &Progress,
) -> Result<(Response<Incoming>, JoinSet<()>), SourceError> {
    let secure = url.scheme() == "https";
    let stream = progress.connect(url, if secure { 443 } else { 80 }).await?;
    if !secure {
        return ask(stream, url, answers).await;
    }
    let host = url.host_str().unwrap_or_default();
    let untrusted = || SourceError::from(Verdict::Certificate { host: host.to_owned() });
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name).map_err(|why| untrusted().because(why))?;
    let stream = TlsConnector::from(trust.0.clone()).connect(name, stream).await;
    let stream = stream.map_err(|why| {
        let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let certificate = matches!(inner, Some(rustls::Error::InvalidCertificate(_)));
        if certificate { untrusted() } else { Verdict::Nonsense.into() }.because(why)
    })?;
    ask(stream, url, answers).await
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    url: &Url,
    answers: &mut Answers<'_>,
) -> Result<(Response<Incoming>, JoinSet<()>), SourceError> {
    let nonsense = |why: &dyn std::fmt::Display| SourceError::from(Verdict::Nonsense).because(why);
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MOST_HEAD).allow_spaces_after_header_name_in_responses(true);
    builder.allow_obsolete_multiline_headers_in_responses(true).ignore_invalid_headers_in_responses(true);
    let handshake = builder.handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|why| nonsense(&why))?;
    let mut task = JoinSet::new();
    task.spawn(async move {
        // What went wrong is told to whoever waits for the answer.
        let _told = connection.await;
    });
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = url.port().map_or_else(
        || url.host_str().unwrap_or_default().to_owned(),
        |port| format!("{}:{port}", url.host_str().unwrap_or_default()),
    );
    let mut request = Request::get(&path).header(HOST, host).header(CONNECTION, "close");
    request = request.header(USER_AGENT, concat!("AtHome/", env!("CARGO_PKG_VERSION"))).header(ACCEPT, "*/*");
    if let Some(value) = answers.header("GET", &path) {
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(Empty::new()).map_err(|why| nonsense(&why))?;
    let response = sender.send_request(request).await.map_err(|why| nonsense(&why))?;
    Ok((response, task))
}

fn challenge(answers: &mut Answers<'_>, headers: &HeaderMap) -> Result<(), SourceError> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    match answers.handle_challenge(values) {
        Challenged::Again => Ok(()),
        Challenged::Missing => Err(Verdict::LoginMissing.into()),
        Challenged::Refused => Err(Verdict::LoginRefused.into()),
        Challenged::Unknown => Err(SourceError::from(Verdict::LoginRefused).because("it asks in an unknown way")),
    }
}

/// Where a redirect leads: the same machine only, because the password goes along, and never from TLS to none.
fn elsewhere(url: &Url, headers: &HeaderMap) -> Result<Url, SourceError> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| url.join(location).ok());
    let next = next.ok_or_else(|| SourceError::from(Verdict::Nonsense).because("it sends on to nowhere"))?;
    let known = next.scheme() == "https" || (next.scheme() == "http" && url.scheme() == "http");
    if next.host() != url.host() || !known {
        let host = next.host_str().unwrap_or_default().chars().take(LONGEST_HOST).collect();
        return Err(Verdict::Elsewhere { host }.into());
    }
    Ok(next)
}

/// Longest host name (RFC 1035 §2.3.4).
const LONGEST_HOST: usize = 253;
