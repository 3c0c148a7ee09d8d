//! The crate's runtime with plain UDP sockets. Its own sockets ask the kernel to hand over up to 64 datagrams at once, which
//! takes 200 kB of buffers for each address of each connection; a camera has little coming in.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::ReadBuf;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, Transmit,
};

/// What we ask of the system for each socket: key frames of a whole grid come in one burst, and the usual 208 kB (which
/// count the kernel's own bookkeeping) hold two of them.
const SOCKET_BUFFER: usize = 1024 * 1024;

/// Everything but UDP is the crate's own.
#[derive(Debug)]
pub(super) struct PlainSockets(pub(super) Arc<dyn Runtime>);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for PlainSockets {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        self.0.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket.set_nonblocking(true)?;
        let options = socket2::SockRef::from(&socket);
        // The system may give less; then more is repaired by retransmission.
        let _ = options.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = options.set_send_buffer_size(SOCKET_BUFFER);
        Ok(Arc::new(Socket(tokio::net::UdpSocket::from_std(socket)?)))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.0.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote_addr: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.0.connect_tcp(remote_addr)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        // Names were resolved already (see `resolve`). One that was not would hold up the driver.
        let address = host.parse().map(|address| vec![address]);
        Box::pin(std::future::ready(address.map_err(|_| io::Error::other("a name where an address belongs"))))
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        self.0.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.0.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.0.block_on(future);
    }
}

#[derive(Debug)]
struct Socket(tokio::net::UdpSocket);

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        self.0.poll_send_to(cx, transmit.contents, transmit.destination)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        let mut read = ReadBuf::new(buf);
        let from = ready!(self.0.poll_recv_from(cx, &mut read))?;
        let len = read.filled().len();
        // One datagram, so its length is the stride too; an empty one must not be a stride of zero.
        *meta = RecvMeta::default();
        (meta.addr, meta.len, meta.stride) = (from, len, len.max(1));
        Poll::Ready(Ok(1))
    }
}
