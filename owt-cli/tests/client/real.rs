//! A real server for one test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_owt"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OWT_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--port", "0", "--workers", "1"]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the program starts");
        let stdout = process.stdout.take().expect("standard output is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("the server says where it is");
        let address = line.trim_end().strip_prefix("Owt serving on ").expect("the server serves");
        let address = address.parse().expect("an address is printed");
        Server { process, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its workers notice, and end as well.
        self.process.kill().expect("the server runs until now");
        self.process.wait().expect("the server can be waited for");
    }
}
