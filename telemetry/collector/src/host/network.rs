use procfs_core::FromRead as _;
use procfs_core::net::InterfaceDeviceStatus;

use super::figures::Figures;

/// More devices than a machine should have.
const MOST: usize = 64;

/// All devices but the near ends of containers, of which there may be thousands.
pub(super) fn network(figures: &mut Figures) -> Result<(), String> {
    let devices = InterfaceDeviceStatus::from_file("/proc/self/net/dev");
    let devices = devices.map_err(|error| error.to_string())?.0;
    let mut devices: Vec<_> = devices
        .values()
        .filter(|device| !device.name.starts_with("veth"))
        .collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    for device in devices.into_iter().take(MOST) {
        let label = [("device", device.name.as_str())];
        let told = [
            ("receive_bytes", device.recv_bytes),
            ("receive_packets", device.recv_packets),
            ("receive_errs", device.recv_errs),
            ("receive_drop", device.recv_drop),
            ("transmit_bytes", device.sent_bytes),
            ("transmit_packets", device.sent_packets),
            ("transmit_errs", device.sent_errs),
            ("transmit_drop", device.sent_drop),
        ];
        for (name, value) in told {
            figures.counter(&format!("node_network_{name}_total"), &label, value as f64);
        }
    }
    Ok(())
}
