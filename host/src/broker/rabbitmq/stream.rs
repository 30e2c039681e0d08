//! The bytes between RabbitMQ and lapin, which pass [`Depth`] on their way in, and [`Legible`] where that is asked for. In
//! the clear, so TLS is within.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};

use super::depth::Depth;
use super::legible::Legible;

type Socket = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

/// Connects as [`Connection::connect_uri`] does. What comes is made legible, or is lapin's to refuse where it is not.
pub(super) async fn connect(
    uri: AMQPUri,
    properties: ConnectionProperties,
    make_legible: bool,
) -> Result<Connection, lapin::Error> {
    let tokio = Runtime::tokio_current();
    let runtime = Runtime::new(RuntimeParts::new(Tokio::current(), Shallow(Tokio::current())));
    let connect = async move |uri: AMQPUri, _| {
        let socket = uri.connect_async(&tokio).await?;
        let legible = make_legible.then(Legible::default);
        Ok(AsyncTcpStream::Plain(ShallowStream { socket, depth: Depth::default(), legible }))
    };
    Connection::connector(uri, runtime, connect, properties).await
}

/// Tokio's reactor, with streams whose headers are not too deep.
#[derive(Debug, Clone)]
struct Shallow(Tokio);

impl Reactor for Shallow {
    type TcpStream = ShallowStream;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        // Only for sockets that were made elsewhere.
        Err::<ShallowStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(address);
        async {
            let socket = AsyncTcpStream::Plain(connecting.await?);
            Ok(ShallowStream { socket, depth: Depth::default(), legible: None })
        }
    }
}

struct ShallowStream {
    socket: Socket,
    depth: Depth,
    legible: Option<Legible>,
}

impl AsyncRead for ShallowStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let given = self.legible.as_mut().map_or(0, |legible| legible.give(buffer));
            if given > 0 {
                return Poll::Ready(Ok(given));
            }
            let read = ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
            self.depth.limit(&mut buffer[..read]);
            match &mut self.legible {
                Some(legible) if read > 0 => legible.take(&buffer[..read]),
                _ => return Poll::Ready(Ok(read)),
            }
        }
    }
}

impl AsyncWrite for ShallowStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}
