//! What the command line asks of packets.

use clap::Args;

use crate::cli::values;
use crate::report::packet_filter::{Network, PacketFilter};
use crate::trace::DevName;

/// Filters on the packets that the trace names.
#[derive(Debug, Clone, Args)]
pub(crate) struct PacketArgs {
    /// Only drops of packets from these addresses or prefixes, as in fd00:10::/32
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',', value_parser = values::network)]
    src: Vec<Network>,

    /// Only drops of packets to these addresses or prefixes
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',', value_parser = values::network)]
    dst: Vec<Network>,

    /// Only drops of packets on these interfaces
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = values::device)]
    dev: Vec<DevName>,

    /// Only drops of packets of these protocols: icmp6, tcp, udp, sctp, or a number
    #[arg(long, value_name = "PROTOCOL,…", value_delimiter = ',', value_parser = values::protocol)]
    proto: Vec<u8>,

    /// Only drops of packets from or to these ports
    #[arg(long, value_name = "PORT,…", value_delimiter = ',')]
    port: Vec<u16>,
}

/// Filters on the packets that are counted on their way.
#[derive(Debug, Clone, Args)]
pub(crate) struct WayArgs {
    /// Count only packets from these addresses or prefixes, as in fd00:10::/32
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',', value_parser = values::network)]
    src: Vec<Network>,

    /// Count only packets to these addresses or prefixes
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',', value_parser = values::network)]
    dst: Vec<Network>,

    /// Count only packets that these interfaces received
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = values::device)]
    dev: Vec<DevName>,
}

impl WayArgs {
    /// The filter.
    #[must_use]
    pub(crate) fn filter(&self) -> PacketFilter {
        PacketFilter {
            src: self.src.clone(),
            dst: self.dst.clone(),
            dev: self.dev.clone(),
            ..PacketFilter::default()
        }
    }
}

impl PacketArgs {
    /// The filter.
    #[must_use]
    pub(crate) fn filter(&self) -> PacketFilter {
        PacketFilter {
            src: self.src.clone(),
            dst: self.dst.clone(),
            dev: self.dev.clone(),
            protocols: self.proto.clone(),
            ports: self.port.clone(),
        }
    }
}
