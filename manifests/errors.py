"""What can go wrong with the contract.

    ManifestsError
    ├── SchemaError          a catalogue, sidecar or manifest does not follow the schema
    │   └── SchemaVersionError   it was written by a newer major version
    ├── CardError            a source card is incomplete or wrong
    ├── KeyFormatError       a sample key or a name in it breaks the rules
    └── StorageError         a byte could not be read or written
        ├── ObjectMissing    there is no such object, bucket or folder
        ├── AccessDenied     credentials are missing or refused
        ├── StoreUnreachable no (or no sound) answer
        └── StoreUnsupported this kind of store cannot do that

Every message names the file or URL, the fault and the next step. `exit_code` is what a command ends with.
"""


class ManifestsError(Exception):
    """Root of the tree."""

    exit_code = 1


class SchemaError(ManifestsError):
    """A catalogue, sidecar or manifest does not follow the schema."""


class SchemaVersionError(SchemaError):
    """Written by a newer major version of the schema than this one reads."""


class CardError(ManifestsError):
    """A source card is incomplete or wrong."""

    exit_code = 2


class KeyFormatError(ManifestsError):
    """A sample key, or a name that goes into one, breaks the rules."""


class StorageError(ManifestsError):
    """A byte could not be read from or written to a store."""


class ObjectMissing(StorageError):
    """There is no such object, bucket or folder."""

    exit_code = 2


class AccessDenied(StorageError):
    """Credentials are missing or refused."""

    exit_code = 2


class StoreUnreachable(StorageError):
    """The store gave no answer, or none that makes sense."""


class StoreUnsupported(StorageError):
    """This kind of store cannot do what was asked, such as listing over plain HTTP."""

    exit_code = 2
