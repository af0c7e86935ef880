use std::fs::{File, TryLockError};

use crate::launch::{Launch, LaunchError, ServiceName};

/// What keeps the files of each service to one process: two would send the same messages, and take
/// what the other is receiving for what was given up. It ends with the process, also by `kill -9`.
pub(super) fn take(launch: &Launch) -> Result<Vec<File>, LaunchError> {
    let with_files = |service: &&ServiceName| **service != ServiceName::Gateway;
    let services = launch.services.iter().filter(with_files);
    services.map(|service| lock(launch, *service)).collect()
}

fn lock(launch: &Launch, service: ServiceName) -> Result<File, LaunchError> {
    let path = launch.data_dir.join(format!("{service}.lock"));
    let unusable = |source| LaunchError::Lock {
        path: path.clone(),
        source,
    };
    std::fs::create_dir_all(&launch.data_dir).map_err(unusable)?;
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LaunchError::InUse {
            service: service.as_str(),
            folder: launch.data_dir.clone(),
        }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}
