//! The other end of the local interface: how `athome-streamer pair` and `viewers` speak to the streamer that runs.
//! One request a connection, plain HTTP/1.1 over loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::auth::Token;

/// Longest answer that is read.
const MAX_ANSWER: u64 = 4 << 20;
/// The streamer is on this computer; longer than this it does not think.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Content type and body.
    pub body: Option<(&'a str, &'a [u8])>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Header lines as they came.
    pub head: String,
    pub body: Vec<u8>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("No streamer answers at {0}. Start athome-streamer first, or name its address with --api.")]
    NotRunning(SocketAddr),
    #[error("What answers at {0} is not an AtHome streamer. Name its address with --api.")]
    NotOurs(SocketAddr),
}

/// Asks the streamer at `addr`.
pub async fn ask(addr: SocketAddr, token: &Token, request: Request<'_>) -> Result<Answer, ClientError> {
    let (kind, body) = request.body.unwrap_or(("application/json", b""));
    let head = format!(
        "{} {} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        request.method,
        request.path,
        token.text(),
        body.len()
    );
    raw(addr, &[head.as_bytes(), body].concat()).await
}

/// Sends bytes as they are and reads the answer to its end.
pub async fn raw(addr: SocketAddr, request: &[u8]) -> Result<Answer, ClientError> {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(answer)) => parse(&answer).ok_or(ClientError::NotOurs(addr)),
        _ => Err(ClientError::NotRunning(addr)),
    }
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: answer.get(end + 4..)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let answer = parse(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n{}").expect("an answer");
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"{}"[..]));
        for bad in [&b""[..], b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 xx\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"\xff\xff\r\n\r\n"]
        {
            assert!(parse(bad).is_none());
        }
    }
}
