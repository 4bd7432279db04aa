use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use super::error::ClusterError;
use super::process::run;
use super::programs::tool;

/// Planes of one process have blocks of their own; this many fit.
const BLOCKS: u16 = 60;
/// Below the range that the kernel takes for outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

static NEXT_BLOCK: AtomicU16 = AtomicU16::new(0);
static NEXT_PORT: AtomicU16 = AtomicU16::new(PORTS.start);

/// The addresses of one plane, all of them local to the namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    block: u8,
}

impl Network {
    /// Makes the addresses local. Fails outside of a namespace of the process's own.
    pub(super) fn claim() -> Result<Self, ClusterError> {
        let ip = tool("ip", "pods get addresses", "apt-get install iproute2")?;
        isolated(&run(Command::new(&ip).args(["-o", "link", "show", "up"]))?)?;
        run(Command::new(&ip).args(["link", "set", "lo", "up"]))?;
        let block = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) % BLOCKS;
        let network = Self { block: u8::try_from(block).unwrap_or_default() };
        for range in [network.pods(), network.services()] {
            run(Command::new(&ip).args(["route", "replace", "local", &range, "dev", "lo"]))?;
        }
        Ok(network)
    }

    pub(super) fn pods(self) -> String {
        format!("10.{}.0.0/16", 100 + self.block)
    }

    pub(super) fn services(self) -> String {
        format!("10.{}.0.0/16", 180 + self.block)
    }

    /// The address of the nodes and of the API server; pods never reach it in number.
    pub(super) fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 100 + self.block, 255, 254)
    }

    /// The address that the Service `kubernetes` gets.
    pub(super) fn api_service(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 180 + self.block, 0, 1)
    }
}

/// A loopback device is all that a fresh namespace has.
fn isolated(links: &str) -> Result<(), ClusterError> {
    let other = links
        .lines()
        .filter_map(|line| line.split(": ").nth(1))
        .map(|name| name.split('@').next().unwrap_or(name))
        .find(|name| *name != "lo");
    match other {
        None => Ok(()),
        Some(name) => {
            Err(ClusterError::NotIsolated { reason: format!("it sees the network interface {name}") })
        }
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16, ClusterError> {
    for _ in PORTS {
        let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        if port >= PORTS.end {
            NEXT_PORT.store(PORTS.start, Ordering::Relaxed);
        } else if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(ClusterError::Malformed(format!("no port from {} to {} is free", PORTS.start, PORTS.end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_device_is_isolation() {
        assert!(isolated("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue").is_ok());
        assert!(isolated("").is_ok());
        let error =
            isolated("1: lo: <UP> mtu 1\n2: eth0@if7: <BROADCAST,UP> mtu 1500").unwrap_err().to_string();
        assert!(error.contains("eth0)") && error.contains("just real"), "{error}");
    }

    #[test]
    fn ports_differ() {
        assert_ne!(free_port().unwrap(), free_port().unwrap());
    }
}
