//! Stands between a client and a server, and can be cut.

use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Hands on whatever comes to whoever is behind it; to nobody while it is cut.
pub(crate) struct Proxy {
    pub(crate) url: String,
    behind: Arc<watch::Sender<Option<String>>>,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}", listener.local_addr().unwrap());
        let behind = Arc::new(watch::Sender::new(Some(address(url))));
        let told = Arc::clone(&behind);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(hand_on(stream, told.subscribe()));
            }
        });
        Self { url: here, behind }
    }

    /// Cuts every connection, and refuses others.
    pub(crate) fn cut(&self) {
        self.behind.send_replace(None);
    }

    /// Cuts every connection, and leads to this server from now on.
    pub(crate) fn lead_to(&self, url: &str) {
        self.behind.send_replace(Some(address(url)));
    }
}

fn address(url: &str) -> String {
    url.strip_prefix("http://").unwrap().to_owned()
}

async fn hand_on(mut near: TcpStream, mut behind: watch::Receiver<Option<String>>) {
    let Some(address) = behind.borrow_and_update().clone() else { return };
    let Ok(mut far) = TcpStream::connect(address).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = behind.changed() => {}
    }
}
