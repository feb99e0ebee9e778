//! A way to a server that counts what is sent, and can be led to another server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::real::Server;

pub(crate) struct Proxy {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

const UNPOISONED: &str = "nobody panics while holding a lock";

struct Shared {
    server: Mutex<SocketAddr>,
    sent: AtomicUsize,
    open: Mutex<usize>,
    closed: Condvar,
}

impl Proxy {
    pub(crate) fn to(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("the socket is bound"));
        let shared = Arc::new(Shared {
            server: Mutex::new(server),
            sent: AtomicUsize::new(0),
            open: Mutex::new(0),
            closed: Condvar::new(),
        });
        let proxy = Proxy { url, shared: shared.clone() };
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, shared) = (client.expect("a client connects"), shared.clone());
                *shared.open.lock().expect(UNPOISONED) += 1;
                thread::spawn(move || shared.pass_on(&client));
            }
        });
        proxy
    }

    /// Ends one server and leads to another, once the connections to the first are closed.
    pub(crate) fn replace(&self, old: Server, new: &Server) {
        *self.shared.server.lock().expect(UNPOISONED) = new.address;
        drop(old);
        let open = self.shared.open.lock().expect(UNPOISONED);
        drop(self.shared.closed.wait_while(open, |open| *open > 0).expect(UNPOISONED));
    }

    /// The bytes that were sent to the server since this was last asked.
    pub(crate) fn sent(&self) -> usize {
        self.shared.sent.swap(0, SeqCst)
    }
}

impl Shared {
    /// Serves one connection to its end.
    fn pass_on(&self, client: &TcpStream) {
        let address = *self.server.lock().expect(UNPOISONED);
        let server = &TcpStream::connect(address).expect("the server listens");
        thread::scope(|scope| {
            scope.spawn(|| copy(client, server, |bytes| _ = self.sent.fetch_add(bytes, SeqCst)));
            scope.spawn(|| copy(server, client, |_| {}));
        });
        *self.open.lock().expect(UNPOISONED) -= 1;
        self.closed.notify_all();
    }
}

/// Copies until either end is closed, and then closes both.
fn copy(mut from: &TcpStream, mut to: &TcpStream, count: impl Fn(usize)) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count(length);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
