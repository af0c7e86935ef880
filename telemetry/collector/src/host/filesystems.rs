use std::collections::BTreeSet;

use procfs_core::{FromRead as _, MountEntry};
use rustix::fs::{StatVfsMountFlags, statvfs};

use super::figures::Figures;

/// More file systems than a machine should have.
const MOST: usize = 100;
/// File systems that hold no files on a disk or in memory of this machine. Those of other machines
/// are among them: they may not answer, and nothing may wait for them.
const OTHERS: [&str; 28] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "ceph",
];

pub(super) fn filesystems(figures: &mut Figures) -> Result<(), String> {
    let mounts = Vec::<MountEntry>::from_file("/proc/self/mounts");
    let mounts = mounts.map_err(|error| error.to_string())?;
    let mut seen = BTreeSet::new();
    for mount in mounts
        .iter()
        .filter(|mount| is_ours(&mount.fs_vfstype, &mount.fs_file))
    {
        if seen.len() == MOST || !seen.insert(mount.fs_file.as_str()) {
            continue;
        }
        // One that cannot be looked at is of somebody else.
        let Ok(stat) = statvfs(mount.fs_file.as_str()) else {
            continue;
        };
        if stat.f_blocks == 0 {
            continue;
        }
        let labels = [
            ("device", mount.fs_spec.as_str()),
            ("fstype", mount.fs_vfstype.as_str()),
            ("mountpoint", mount.fs_file.as_str()),
        ];
        let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
        let is_readonly = stat.f_flag.contains(StatVfsMountFlags::RDONLY);
        let told = [
            ("node_filesystem_size_bytes", bytes(stat.f_blocks)),
            ("node_filesystem_free_bytes", bytes(stat.f_bfree)),
            ("node_filesystem_avail_bytes", bytes(stat.f_bavail)),
            ("node_filesystem_files", stat.f_files as f64),
            ("node_filesystem_files_free", stat.f_ffree as f64),
            ("node_filesystem_readonly", f64::from(u8::from(is_readonly))),
        ];
        for (name, value) in told {
            figures.gauge(name, &labels, value);
        }
    }
    Ok(())
}

/// In a container the root lies over others; elsewhere such a one is the root of a container.
fn is_ours(kind: &str, place: &str) -> bool {
    if OTHERS.contains(&kind) || kind.starts_with("fuse.") {
        return false;
    }
    let is_below = |folder: &str| {
        place
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let hidden = [
        "/dev",
        "/proc",
        "/sys",
        "/run/credentials",
        "/var/lib/docker",
        "/var/lib/containers",
    ];
    (kind != "overlay" || place == "/") && !hidden.into_iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_files_here_is_told() {
        for (kind, place, expected) in [
            ("ext4", "/", true),
            ("overlay", "/", true),
            ("overlay", "/var/lib/x/merged", false),
            ("tmpfs", "/run", true),
            ("tmpfs", "/dev/shm", false),
            ("ext4", "/devices", true),
            ("nfs4", "/home", false),
            ("fuse.sshfs", "/mnt", false),
            ("proc", "/proc", false),
        ] {
            assert_eq!(is_ours(kind, place), expected, "{kind} {place}");
        }
    }
}
