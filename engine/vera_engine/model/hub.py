"""Published weights into a folder, by huggingface_hub: first what they are, their license and size; then the files.

Only safetensors, descriptions and tokenizers are fetched, never a pickle. Files that are whole stay where a download
was broken off, and are not fetched again; inside one run huggingface_hub goes on in the middle of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from httpx2 import HTTPError
from huggingface_hub import HfApi, ModelInfo, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from vera_engine.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionRefused
from vera_engine.model.checksums import HUB_NOTES, SUMS_FILE, verify_files
from vera_engine.model.key_names import listed
from vera_engine.model.pickles import PICKLE_SUFFIXES, WeightsArePickled
from vera_engine.model.room import check_room

FETCHED = ("*.safetensors", "*.json", "*.model", "*/merges.txt", "*/vocab.txt", "LICENSE*", "README.md")
"""Which of a repository's files are wanted: weights, descriptions, tokenizers, terms."""


@dataclass(frozen=True)
class KnownModel:
    """A model that has a short name here."""

    repository: str
    license: str
    """As its page says it; empty: its page is not known to be public."""
    about: str


KNOWN = {
    "wan2.1-1.3b": KnownModel("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "apache-2.0", "what Vera-1.3B starts from"),
    "wan2.1-14b": KnownModel("Wan-AI/Wan2.1-T2V-14B-Diffusers", "apache-2.0", "what Vera-14B starts from"),
    "vera-1.3b": KnownModel("netflix/Vera-MoT-1.3B", "", "Vera itself, where its authors have published it"),
    "vera-14b": KnownModel("netflix/Vera-MoT-14B", "", "Vera itself, where its authors have published it"),
}

TERMS = {
    "apache-2.0": "Apache License 2.0: any use, commercial too; pass the license and notices on with copies",
    "mit": "MIT License: any use, commercial too; pass the license on with copies",
    "cc-by-4.0": "Creative Commons BY 4.0: any use, commercial too, with attribution",
    "cc-by-nc-4.0": "Creative Commons BY-NC 4.0: with attribution, NOT for commercial work",
    "cc-by-nc-sa-4.0": "Creative Commons BY-NC-SA 4.0: with attribution, alike, NOT for commercial work",
}
"""What licenses come to, in a line; the license itself decides."""


class ModelNotPublished(NotFound):
    """No repository, or revision of one, of that name can be seen."""


class ModelGated(PermissionRefused):
    """A repository whose owner wants terms accepted first."""


class HubUnreachable(FailedPrecondition):
    """The model hub does not answer, or this machine is set to work offline."""


class DownloadBrokenOff(FailedPrecondition):
    """A download ended early. What was finished stays."""


class FolderTaken(InvalidArgument):
    """The folder to fetch into holds other things."""


@dataclass(frozen=True)
class PublishedFile:
    """A file of a repository."""

    path: PurePosixPath
    size: int
    sha256: str
    """Empty: a small file, for which the hub keeps none."""


@dataclass(frozen=True)
class PublishedModel:
    """A repository at one revision, and what of it is fetched."""

    repository: str
    revision: str
    """The commit."""
    license: str
    """In words, with where the text is."""
    files: tuple[PublishedFile, ...]
    pickles: tuple[str, ...]
    """Left behind."""

    @property
    def byte_count(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files)

    def missing_from(self, folder: Path) -> int:
        """Bytes that a folder does not have yet."""
        return sum(file.size for file in self.files if not _has(folder, file))


def look_up(model: str, revision: str | None = None, endpoint: str | None = None) -> PublishedModel:
    """Ask the hub about a model.

    Args:
        model: One of `KNOWN`, or a repository as in `owner/name`.
        revision: A branch, tag or commit; None: the newest.
        endpoint: The hub's address; None: HF_ENDPOINT's, or Hugging Face's own.

    Raises:
        ModelNotPublished, ModelGated, HubUnreachable: There is no way to it.
        WeightsArePickled: It has no safetensors.
    """
    repository = KNOWN[model.lower()].repository if model.lower() in KNOWN else model
    api = HfApi(endpoint=endpoint)
    with hub_errors(repository, revision):
        info = api.model_info(repository, revision=revision, files_metadata=True)
        if info.gated:
            api.auth_check(repository)
    paths = [sibling.rfilename for sibling in info.siblings or ()]
    wanted = {path for path in paths if any(fnmatchcase(path, pattern) for pattern in FETCHED)}
    pickles = tuple(path for path in paths if PurePosixPath(path).suffix in PICKLE_SUFFIXES)
    if not any(path.endswith(".safetensors") for path in wanted):
        raise WeightsArePickled(
            f"It has no safetensors, but pickles: {listed(pickles)}." if pickles else "It has no safetensors.",
            argument="model",
            value=repository,
            remedy="Fetch a release that has, such as wan2.1-1.3b.",
        )
    files = tuple(
        PublishedFile(PurePosixPath(s.rfilename), s.size or 0, s.lfs.sha256 if s.lfs else "")
        for s in info.siblings or ()
        if s.rfilename in wanted
    )
    return PublishedModel(repository, str(info.sha), license_of(repository, info), files, pickles)


def license_of(repository: str, info: ModelInfo) -> str:
    """The license a repository's card names, else the known one, with its terms in a line and where to read it."""
    card = info.card_data
    named = card.get("license") if card else None
    known = next((known.license for known in KNOWN.values() if known.repository == repository), "")
    names = [str(name) for name in named] if isinstance(named, list) else [str(named or known)]
    if names == ["other"] and card:
        names = [str(card.get("license_name") or "a license of its own")]
    terms = "; ".join(TERMS.get(name.lower(), name) for name in names if name)
    return f"{terms or 'none is named: ask its owner before you use it'} (https://huggingface.co/{repository})"


def fetch(published: PublishedModel, folder: Path, endpoint: str | None = None) -> int:
    """Fetch the files, and compare them with the hub's checksums. Returns how many were compared.

    The checksums are left in the folder as `SHA256SUMS`.

    Raises:
        FolderTaken, DiskFull: Nothing is fetched then.
        ModelGated, HubUnreachable, DownloadBrokenOff: The way to it is cut; finished files stay.
        WeightsCorrupt: A file is not the one that was published.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / HUB_NOTES.parent).is_dir():
        raise FolderTaken(
            "The folder holds other things.", argument="to", value=folder, remedy="Name a new one with --to."
        )
    check_room(folder, published.missing_from(folder), "to")
    with hub_errors(published.repository, published.revision, begun=True):
        snapshot_download(
            published.repository,
            revision=published.revision,
            local_dir=folder,
            allow_patterns=[str(file.path) for file in published.files],
            endpoint=endpoint,
        )
    lacking = [str(file.path) for file in published.files if not _has(folder, file)]
    if lacking:
        raise DownloadBrokenOff(
            f"Files are not whole: {listed(lacking)}.",
            argument="to",
            value=folder,
            remedy="Run the same command again.",
        )
    known = [file for file in published.files if file.sha256]
    verify_files({folder / file.path: file.sha256 for file in known})
    sums = "".join(f"{file.sha256}  {file.path}\n" for file in known)
    (folder / SUMS_FILE).write_text(sums, encoding="utf-8")
    return len(known)


@contextmanager
def hub_errors(repository: str, revision: str | None, *, begun: bool = False) -> Iterator[None]:
    """Says what huggingface_hub raises in this engine's words."""
    try:
        yield
    except GatedRepoError as error:
        raise ModelGated(
            "Its owner wants the terms accepted before it is given away.",
            argument="model",
            value=repository,
            remedy=f"Accept them at https://huggingface.co/{repository}, then say who you are: `hf auth login`.",
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotPublished(
            f"It has no such revision: {revision}.", argument="model", value=repository, remedy="Leave --revision out."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelNotPublished(
            "No such model is published, or it is private.",
            argument="model",
            value=repository,
            remedy=f"Name a repository you can see in a browser (`hf auth login` for private ones), or one of"
            f" {', '.join(KNOWN)}.",
        ) from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, HTTPError, OSError) as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        if begun and not isinstance(error, OfflineModeIsEnabled):
            raise DownloadBrokenOff(
                f"The download was broken off: {said}.",
                argument="model",
                value=repository,
                remedy="Run the same command again: what is finished stays.",
            ) from error
        way = "Unset HF_HUB_OFFLINE" if isinstance(error, OfflineModeIsEnabled) else "Look to the network"
        raise HubUnreachable(
            f"The model hub cannot be reached: {said}.",
            argument="model",
            value=repository,
            remedy=f"{way}, or copy the folder from a machine that has it; convert-weights needs no network.",
        ) from error


def _has(folder: Path, file: PublishedFile) -> bool:
    """Whether a folder has a file of that size already."""
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.size
