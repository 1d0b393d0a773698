"""The account that Postgres runs under, and the folders which that account can reach."""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

NOBODY_ID = 65534
# First the place for data that outlives a reboot, then one that exists everywhere.
PRIVATE_PARENTS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 (mkdtemp makes the folder)


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user and group of a process; `is_other` when they are not the caller's own."""

    uid: int
    gid: int
    is_other: bool

    def spawn(
        self, args: list[str], *, output: int, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program as this account in a session of its own; both streams go to output."""
        return subprocess.Popen(
            args,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            start_new_session=True,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
        )

    def run(self, args: list[str], *, environment: dict[str, str] | None = None) -> tuple[int, str]:
        """Run a program as this account; return its exit code and what it printed."""
        process = self.spawn(args, output=subprocess.PIPE, environment=environment)
        printed, _ = process.communicate()
        return process.returncode, printed.decode(errors="replace")

    def become(self) -> None:
        """Give up the caller's rights for good, before an exec."""
        if self.is_other:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder that the caller has just made."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Say whether the account may enter the folder, by trying it."""
        if not self.is_other:
            return os.access(folder, os.X_OK)
        code, _ = self.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)])
        return code == 0

    def can_run(self, program: Path) -> bool:
        """Say whether the account may execute the program, by asking its version."""
        try:
            code, _ = self.run([str(program), "--version"])
        except OSError:
            return False
        return code == 0


def unprivileged_account(data: Path) -> Account:
    """Return the caller's account, or for root the owner of the data or `nobody`."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), is_other=False)
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(uid=owner.st_uid, gid=owner.st_gid, is_other=True)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(uid=NOBODY_ID, gid=NOBODY_ID, is_other=True)
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid, is_other=True)


def make_private_folder(account: Account, *, label: str) -> Path:
    """Make a new folder outside the checkout that the account can pass through."""
    for parent in PRIVATE_PARENTS:
        if not (parent.is_dir() and os.access(parent, os.W_OK) and account.can_enter(parent)):
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"{label}-", dir=parent))
        folder.chmod(0o711)
        return folder
    wanted = " or ".join(str(parent) for parent in PRIVATE_PARENTS)
    raise PermissionError(f"Postgres refuses root and needs a folder in {wanted}: make one usable.")


def copy_program(sources: list[Path], target: Path) -> None:
    """Copy folders to target/<name>; a half-made copy of an earlier, ended run is replaced."""
    if target.exists():
        return
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for source in sources:
        shutil.copytree(source, unfinished / source.name, symlinks=True)
    _open_for_reading(unfinished)
    unfinished.rename(target)


def _open_for_reading(folder: Path) -> None:
    """The caller's umask may hide the copies from the account that has to run them."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        is_open = path.is_dir() or os.access(path, os.X_OK)
        # root passes any access check for files with one execute bit, which suits here.
        path.chmod(0o755 if is_open else 0o644)
