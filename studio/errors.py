"""Every error Packshot raises on purpose.

PackshotError
|-- InputError                what the caller gave us is wrong
|   |-- SettingsError         a setting, flag or environment value
|   |-- RowError              a catalogue row: file, line, field
|   |-- InvalidCursor         the cursor of a listing was not given out by us
|   |-- IdempotencyConflict   the same idempotency key came with another request
|   |-- MissingInput          a studio needs a photo, a measure or a file that the product does not have
|   |-- TemplateError         a style, destination or brand file
|   |   `-- UnknownTemplate
|   `-- ImageError            a picture we will not or cannot read
|       |-- EmptyImage        zero bytes
|       |-- FileTooLarge      more bytes than the limit
|       |-- TooManyPixels     more pixels than the limit, seen before decoding
|       |-- UnknownFormat     not one of the formats we read (SVG, HTML, random bytes)
|       |-- TruncatedImage    the file ends too early
|       `-- CorruptImage      right magic, broken contents
|-- ModelError
|   |-- UnknownModel
|   |-- ModelNotConfigured    the engine exists, the user has not given weights
|   |-- WeightsMissing        `packshot models fetch` has not been run
|   |-- WeightsCorrupt        a digest does not match
|   |-- LicenceForbidden      the card forbids commercial use
|   `-- ModelFailed           the network raised or answered nonsense
|-- StepError                 a step cannot do its work on this shot
|   |-- NoProductFound        the cut-out is empty
|   `-- OverByteLimit         no allowed quality fits the destination's byte limit
|-- StorageError
|   |-- NotStored             no blob or action under that key
|   `-- StorageUnavailable    the backend did not answer; worth another try
|-- FetchError
|   |-- FetchRefused          address, scheme or redirect is not allowed
|   `-- FetchFailed           the other side failed or was too slow
|-- VendorError               a shop, PIM or DAM did not do what we asked
|   |-- VendorUnavailable     it did not answer, or said later; worth another try
|   |-- VendorRefused         it understood and said no; the message is its own
|   |-- VendorDenied          credentials are missing, wrong or too weak
|   `-- ProductGone           the product is not there any more
|-- RunError
|   |-- ClusterUnavailable    Ray or the Serve app cannot be reached
|   |-- ProcessDied           the process that rendered this shot died
|   `-- Interrupted           stopped by the user; can be resumed
`-- RequestError              a call of the service cannot be answered as asked
    |-- NotSupported          understood, but no engine of this installation can do it
    |-- Unauthenticated       no valid API key
    |-- Forbidden             the API key lacks the scope
    |-- NotFound              no such order, batch, key, endpoint or product, or it is another key's
    |-- Conflict              the state of the thing does not allow it
    |-- RateLimited           too many calls with this key; worth another try later
    |-- BudgetExhausted       a budget of the settings is spent; worth another try when it is new or larger
    `-- OverCapacity          more work than the service takes now; worth another try later
"""

from __future__ import annotations


class PackshotError(Exception):
    """Root of the tree. `code` is stable and machine-readable; `retryable` says whether the same call may succeed later."""

    code: str = "packshot_error"
    retryable: bool = False
    http_status: int = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def retryable_codes() -> frozenset[str]:
    """Codes of the errors after which the same call may succeed later."""
    found, todo = set(), [PackshotError]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.retryable:
            found.add(kind.code)
    return frozenset(found)


class InputError(PackshotError):
    """What the caller gave us is wrong."""

    code = "invalid_input"
    http_status = 422


class SettingsError(InputError):
    """A setting, flag or environment value is wrong."""

    code = "invalid_settings"


class RowError(InputError):
    """One catalogue row is wrong; the others go on. `line` is 1-based, `field` is empty when the whole row is broken."""

    code = "invalid_row"

    def __init__(self, message: str, *, file: str, line: int, field: str = "") -> None:
        where = f"{file}:{line}" + (f" [{field}]" if field else "")
        super().__init__(f"{where}: {message}")
        self.file, self.line, self.field = file, line, field
        self.problem = message

    def __reduce__(self) -> tuple[object, ...]:
        return _row_error, (self.problem, self.file, self.line, self.field)


def _row_error(message: str, file: str, line: int, field: str) -> RowError:
    return RowError(message, file=file, line=line, field=field)


class InvalidCursor(InputError):
    """The cursor of a listing was not given out by us."""

    code = "invalid_cursor"


class IdempotencyConflict(InputError):
    """The same idempotency key came with another request."""

    code = "idempotency_conflict"


class MissingInput(InputError):
    """A studio needs something that the product does not have. The message names the SKU and says what to supply."""

    code = "missing_input"


class TemplateError(InputError):
    """A style, destination or brand file does not validate."""

    code = "invalid_template"


class UnknownTemplate(TemplateError):
    """No template or destination has that id."""

    code = "unknown_template"
    http_status = 404


class ImageError(InputError):
    """A picture we will not or cannot read."""

    code = "invalid_image"


class EmptyImage(ImageError):
    """The file has no bytes."""

    code = "empty_image"


class FileTooLarge(ImageError):
    """The file has more bytes than the limit."""

    code = "file_too_large"
    http_status = 413


class TooManyPixels(ImageError):
    """The header promises more pixels than the limit."""

    code = "too_many_pixels"
    http_status = 413


class UnknownFormat(ImageError):
    """The bytes are none of the formats we read."""

    code = "unknown_format"
    http_status = 415


class TruncatedImage(ImageError):
    """The file ends before the picture does."""

    code = "truncated_image"


class CorruptImage(ImageError):
    """The magic is right, the contents are broken."""

    code = "corrupt_image"


class ModelError(PackshotError):
    """Something about a model."""

    code = "model_error"


class UnknownModel(ModelError):
    """The registry has no such model."""

    code = "unknown_model"
    http_status = 404


class ModelNotConfigured(ModelError):
    """The engine exists, but its weights are the user's to give."""

    code = "model_not_configured"
    http_status = 501


class WeightsMissing(ModelError):
    """The weight file is not in the cache: run `packshot models fetch`."""

    code = "weights_missing"
    retryable = True
    http_status = 503


class WeightsCorrupt(ModelError):
    """A downloaded file does not have the pinned digest."""

    code = "weights_corrupt"


class LicenceForbidden(ModelError):
    """The card forbids commercial use and the settings do not allow the model by name."""

    code = "licence_forbidden"
    http_status = 403


class ModelFailed(ModelError):
    """The network raised, or answered something that is not a result."""

    code = "model_failed"
    retryable = True


class StepError(PackshotError):
    """A step cannot do its work on this shot."""

    code = "step_failed"
    http_status = 422


class NoProductFound(StepError):
    """The cut-out is empty: nothing in the photo looks like a product."""

    code = "no_product_found"


class OverByteLimit(StepError):
    """No quality at or above the floor fits the destination's byte limit."""

    code = "over_byte_limit"


class StorageError(PackshotError):
    """Something about the blob and action store."""

    code = "storage_error"
    http_status = 503


class NotStored(StorageError):
    """No blob or action under that key."""

    code = "not_stored"
    http_status = 404


class StorageUnavailable(StorageError):
    """The backend did not answer; worth another try."""

    code = "storage_unavailable"
    retryable = True


class FetchError(PackshotError):
    """A source image could not be read."""

    code = "fetch_error"
    http_status = 422


class FetchRefused(FetchError):
    """The address, scheme, size or redirect is not allowed."""

    code = "fetch_refused"


class FetchFailed(FetchError):
    """The other side failed or was too slow."""

    code = "fetch_failed"
    retryable = True


class VendorError(PackshotError):
    """A shop, PIM or DAM did not do what we asked."""

    code = "vendor_error"
    http_status = 502


class VendorUnavailable(VendorError):
    """It did not answer, broke, or asked for patience. The call may have worked all the same."""

    code = "vendor_unavailable"
    retryable = True


class VendorRefused(VendorError):
    """It understood and said no."""

    code = "vendor_refused"


class VendorDenied(VendorError):
    """Credentials are missing, wrong, or lack a right."""

    code = "vendor_denied"


class ProductGone(VendorError):
    """The product is not there any more."""

    code = "product_gone"


class RunError(PackshotError):
    """A run as a whole."""

    code = "run_failed"


class ClusterUnavailable(RunError):
    """Ray or the Serve app cannot be reached."""

    code = "cluster_unavailable"
    retryable = True
    http_status = 503


class ProcessDied(RunError):
    """The process that rendered this shot died, each time it was tried."""

    code = "process_died"


class Interrupted(RunError):
    """Stopped by the user; can be resumed."""

    code = "interrupted"


class RequestError(PackshotError):
    """A call of the service cannot be answered as asked."""

    code = "request_error"
    http_status = 400


class NotSupported(RequestError):
    """Understood, but no engine of this installation can do it."""

    code = "not_supported"
    http_status = 501


class Unauthenticated(RequestError):
    """No valid API key came with the call."""

    code = "unauthenticated"
    http_status = 401


class Forbidden(RequestError):
    """The API key is valid and lacks the scope."""

    code = "forbidden"
    http_status = 403


class NotFound(RequestError):
    """No such order, batch, key, endpoint or product, or it belongs to another key."""

    code = "not_found"
    http_status = 404


class Conflict(RequestError):
    """The state of the thing does not allow the call."""

    code = "conflict"
    http_status = 409


class RateLimited(RequestError):
    """Too many calls with this key. `retry_after_s` says when the next one is welcome."""

    code = "rate_limited"
    retryable = True
    http_status = 429

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        return _waiting_error, (type(self), self.message, self.retry_after_s)


class BudgetExhausted(RequestError):
    """A budget of the settings is spent. The same call succeeds in its next period, or once it is larger."""

    code = "budget_exhausted"
    retryable = True
    http_status = 402


class OverCapacity(RequestError):
    """More work than the service takes now. `retry_after_s` says when to try again."""

    code = "over_capacity"
    retryable = True
    http_status = 503

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        return _waiting_error, (type(self), self.message, self.retry_after_s)


def _waiting_error(kind: type[RateLimited | OverCapacity], message: str, retry_after_s: float) -> RateLimited | OverCapacity:
    return kind(message, retry_after_s=retry_after_s)
