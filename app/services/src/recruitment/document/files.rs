use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::{self, File};

use crate::recruitment::document::digest::Digest;
use crate::recruitment::id::Id;
use watchfire_schemas::Timestamp;

/// The contents on disk: `stored/ab/<SHA-256>`, and `incoming/` for those that are still arriving.
/// A name under `stored` holds its whole content or is not there.
///
/// Who places or removes a stored file does it within a write transaction of the database, of which
/// there is one at a time: so what one upload places no clean-up takes for what it found
/// unreferenced before.
#[derive(Debug)]
pub(crate) struct Files {
    stored: PathBuf,
    incoming: PathBuf,
    /// Begins the names of what this process receives; other names are of one that has ended.
    run: String,
}

/// A content that is arriving. It goes away when it is dropped before it is placed.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) file: File,
    path: PathBuf,
}

impl Files {
    pub(crate) fn at(root: &Path, now: Timestamp) -> Self {
        Self {
            stored: root.join("stored"),
            incoming: root.join("incoming"),
            run: Id::at(now).to_string(),
        }
    }

    pub(crate) async fn receive(&self, id: Id) -> io::Result<Incoming> {
        fs::create_dir_all(&self.incoming).await?;
        let path = self.incoming.join(format!("{}.{id}", self.run));
        let file = File::create_new(&path).await?;
        Ok(Incoming { file, path })
    }

    /// Gives a content that has arrived and is safe on disk the name of its digest. If there is a
    /// file with this name it is replaced by its equal.
    pub(crate) async fn place(&self, incoming: &Path, digest: Digest) -> io::Result<()> {
        let path = self.path(digest);
        let folder = path.parent().unwrap_or(&self.stored);
        if !fs::try_exists(folder).await? {
            fs::create_dir_all(folder).await?;
            File::open(&self.stored).await?.sync_all().await?;
        }
        fs::rename(incoming, &path).await?;
        File::open(folder).await?.sync_all().await
    }

    pub(crate) async fn open(&self, digest: Digest) -> io::Result<File> {
        File::open(self.path(digest)).await
    }

    /// Removes a stored file. That it is gone already is as good.
    pub(crate) async fn remove(&self, digest: Digest) -> io::Result<()> {
        match fs::remove_file(self.path(digest)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The digests of the stored files, with their sizes.
    pub(crate) async fn stored(&self) -> io::Result<Vec<(Digest, u64)>> {
        let mut found = Vec::new();
        for folder in names(&self.stored).await? {
            for name in names(&self.stored.join(&folder)).await? {
                if let Ok(digest) = name.parse::<Digest>() {
                    let size = fs::metadata(self.path(digest))
                        .await
                        .map_or(0, |file| file.len());
                    found.push((digest, size));
                }
            }
        }
        Ok(found)
    }

    /// What a process that has ended was receiving.
    pub(crate) async fn abandoned(&self) -> io::Result<Vec<PathBuf>> {
        let names = names(&self.incoming).await?.into_iter();
        let foreign = names.filter(|name| !name.starts_with(&self.run));
        Ok(foreign.map(|name| self.incoming.join(name)).collect())
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.stored.join(&name[..2]).join(name)
    }
}

impl Incoming {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // It has another name by now, or nobody needs it.
        drop(std::fs::remove_file(&self.path));
    }
}

/// What a folder holds; nothing if there is no such folder.
async fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut entries = match fs::read_dir(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[tokio::test]
    async fn a_content_is_placed_once_and_what_is_dropped_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::at(folder.path(), NOW);
        let digest = Digest::of([7; 32]);
        for _ in 0..2 {
            let mut incoming = files.receive(Id::at(NOW)).await.unwrap();
            incoming.file.write_all(b"content").await.unwrap();
            incoming.file.sync_all().await.unwrap();
            files.place(incoming.path(), digest).await.unwrap();
        }
        assert_eq!(files.stored().await.unwrap(), [(digest, 7)]);
        let given_up = files.receive(Id::at(NOW)).await.unwrap();
        assert!(files.abandoned().await.unwrap().is_empty());
        assert_eq!(
            Files::at(folder.path(), NOW)
                .abandoned()
                .await
                .unwrap()
                .len(),
            1
        );
        drop(given_up);
        assert!(
            Files::at(folder.path(), NOW)
                .abandoned()
                .await
                .unwrap()
                .is_empty()
        );
        files.remove(digest).await.unwrap();
        files.remove(digest).await.unwrap();
        assert!(files.stored().await.unwrap().is_empty());
    }
}
