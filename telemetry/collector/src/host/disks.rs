use procfs_core::{DiskStats, FromRead as _};

use super::figures::Figures;

/// What the kernel counts in, whatever the disk does.
const SECTOR: f64 = 512.0;

pub(super) fn disks(figures: &mut Figures) -> Result<(), String> {
    let disks = DiskStats::from_file("/proc/diskstats").map_err(|error| error.to_string())?;
    for disk in disks.0.iter().filter(|disk| is_whole(&disk.name)) {
        let label = [("device", disk.name.as_str())];
        let seconds = |millis: u64| millis as f64 / 1000.0;
        let told = [
            ("node_disk_reads_completed_total", disk.reads as f64),
            ("node_disk_writes_completed_total", disk.writes as f64),
            (
                "node_disk_read_bytes_total",
                disk.sectors_read as f64 * SECTOR,
            ),
            (
                "node_disk_written_bytes_total",
                disk.sectors_written as f64 * SECTOR,
            ),
            (
                "node_disk_read_time_seconds_total",
                seconds(disk.time_reading),
            ),
            (
                "node_disk_write_time_seconds_total",
                seconds(disk.time_writing),
            ),
            (
                "node_disk_io_time_seconds_total",
                seconds(disk.time_in_progress),
            ),
            (
                "node_disk_io_time_weighted_seconds_total",
                seconds(disk.weighted_time_in_progress),
            ),
        ];
        for (name, value) in told {
            figures.counter(name, &label, value);
        }
        figures.gauge("node_disk_io_now", &label, disk.in_progress as f64);
    }
    Ok(())
}

/// Whether a device is a disk: no part of one, no loop, nothing in memory.
fn is_whole(name: &str) -> bool {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if base.len() == name.len() {
        return true;
    }
    if matches!(base, "ram" | "zram" | "loop" | "fd" | "sr") {
        return false;
    }
    // sda1, vda1, xvda1, hda1; nvme0n1p1, mmcblk0p1.
    let is_lettered = ["sd", "hd", "vd", "xvd"].into_iter().any(|kind| {
        base.strip_prefix(kind).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    });
    let is_numbered = base
        .strip_suffix('p')
        .is_some_and(|disk| disk.ends_with(|c: char| c.is_ascii_digit()));
    !is_lettered && !is_numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_disk_is_no_disk() {
        for disk in ["sda", "vdb", "nvme0n1", "mmcblk0", "dm-0", "md127"] {
            assert!(is_whole(disk), "{disk}");
        }
        for part in [
            "sda1",
            "xvda15",
            "nvme0n1p2",
            "mmcblk0p1",
            "loop3",
            "ram0",
            "zram0",
            "sr0",
        ] {
            assert!(!is_whole(part), "{part}");
        }
    }
}
