"""The control database: every model, in the order of the flow.

Instants are UTC seconds, dates local, money an integer of the currency's smallest unit,
digests lower-case hex SHA-256. What may never change after it was written, and what may change
only in one direction, is enforced by the triggers of `guards.py`.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

__all__ = [
    "Compaction", "Decision", "Entry", "Event", "FixedSetting", "Head", "HistoryFile", "IssuedBill",
    "IssuedSegment", "Leaf", "LedgerAccount", "Load", "MasterTable", "MasterVersion", "Opening",
    "Outbox", "PersonKey", "PrunedFile", "QuarantineItem", "QuarantineStep", "ReadingFile",
    "RebillApproval", "RebillPlan", "RebillProposal", "RebillStep", "Release", "ReleaseItem",
    "RetiredFile", "Run", "RunBill", "SourceFile", "TariffDocument",
]  # fmt: skip


def _digest(**options: object) -> models.CharField:
    return models.CharField(max_length=71, **options)


def _name(**options: object) -> models.CharField:
    return models.CharField(max_length=200, **options)


def _link(to: str, **options: object) -> models.ForeignKey:
    """A reference to a row that cannot be deleted; nobody needs the way back."""
    return models.ForeignKey(to, on_delete=models.PROTECT, related_name="+", **options)


class FixedSetting(models.Model):
    """A setting that the stored files depend on, so it is fixed when the workspace is made."""

    key = models.CharField(max_length=40, primary_key=True)
    value = _name()

    class Meta:
        db_table = "fixed_setting"


class Event(models.Model):
    """Who did what, when, to what."""

    at = models.BigIntegerField()
    actor = _name()
    what = models.CharField(max_length=60)
    subject = models.CharField(max_length=300)
    detail = models.TextField(default="")

    class Meta:
        db_table = "event"


# ------------------------------------------------------------ steps 1-2: intake


class SourceFile(models.Model):
    """Delivered bytes that were accepted; `digest` is that of the content, unpacked.

    The row account: `rows = accepted + duplicates + quarantined`. Of the accepted `superseding`
    replace stored ones; of the quarantined `waiting` are stored until master data know them, and
    `disputed` contradict stored ones. A retry of what was set aside counts those rows alone.

    How it was decoded is kept, so that its readings can be made again: `options` (format, zone,
    rounding as JSON), the digest of the `mapping` file, and the version `mark` that a correction
    gave to readings without one, with who received it and why.
    """

    digest = _digest(primary_key=True)
    delivered = _digest()
    name = _name()
    sender = _name()
    size = models.BigIntegerField()
    arrived = models.BigIntegerField()
    format = models.CharField(max_length=40)
    rows = models.BigIntegerField()
    accepted = models.BigIntegerField()
    duplicates = models.BigIntegerField()
    quarantined = models.BigIntegerField()
    superseding = models.BigIntegerField(default=0)
    waiting = models.BigIntegerField(default=0)
    disputed = models.BigIntegerField(default=0)
    retry_of = _link("SourceFile", null=True)
    readings = models.BigIntegerField()
    repeated = models.BigIntegerField()
    conflicting = models.BigIntegerField()
    findings = models.TextField(default="[]")
    options = models.TextField(default="{}")
    mapping = _digest(default="")
    mark = models.BigIntegerField(null=True)
    reason = models.TextField(default="")
    actor = _name(default="")

    class Meta:
        db_table = "source_file"
        indexes = [models.Index(fields=["name"], name="source_file_name")]
        constraints = [
            models.CheckConstraint(
                condition=Q(rows=F("accepted") + F("duplicates") + F("quarantined")),
                name="source_file_rows_add_up",
            ),
            models.CheckConstraint(
                condition=Q(accepted__gte=F("superseding"), superseding__gte=0, duplicates__gte=0)
                & Q(quarantined__gte=F("waiting") + F("disputed"), waiting__gte=0, disputed__gte=0),
                name="source_file_parts_fit",
            ),
        ]


class QuarantineItem(models.Model):
    """What was not accepted, grouped; the rows themselves stay in the kept bytes.

    `file`: refused whole, the bytes are `refused`. `rows`: set aside by decode. `waiting`: stored,
    but unknown to master data. `conflict`: other values than stored ones, left out.
    `lines` are the packed numbers of all its rows in `file` (`store.quarantine.unpack_lines`).
    """

    kind = models.CharField(max_length=10)
    source = _link("SourceFile", null=True)
    refused = _digest(default="")
    name = _name()
    sender = _name()
    arrived = models.BigIntegerField()
    file = models.CharField(max_length=400, default="")
    code = models.CharField(max_length=80)
    metering_point = _name(default="")
    channel = models.CharField(max_length=40, default="")
    line = models.BigIntegerField(null=True)
    rows = models.BigIntegerField(default=0)
    lines = models.BinaryField(default=b"")
    start_utc = models.BigIntegerField(null=True)
    end_utc = models.BigIntegerField(null=True)
    message = models.TextField()
    remedy = models.TextField(default="")
    options = models.TextField(default="{}")

    class Meta:
        db_table = "quarantine_item"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["file", "rows", "waiting", "conflict"]),
                name="quarantine_item_kind",
            ),
            models.CheckConstraint(
                condition=(Q(kind="file", source__isnull=True) & ~Q(refused=""))
                | (~Q(kind="file") & Q(source__isnull=False, refused="", rows__gt=0)),
                name="quarantine_item_has_bytes",
            ),
        ]


class QuarantineStep(models.Model):
    """How an item was closed: once, by whom, when, why, and by which file."""

    item = _link("QuarantineItem")
    at = models.BigIntegerField()
    actor = _name()
    action = models.CharField(max_length=20)
    why = models.TextField(default="")
    source = _link("SourceFile", null=True)

    class Meta:
        db_table = "quarantine_step"
        constraints = [
            models.UniqueConstraint(fields=["item"], name="quarantine_step_closes_once"),
            models.CheckConstraint(
                condition=Q(action__in=["corrected", "discarded", "arrived", "received_again"]),
                name="quarantine_step_action",
            ),
            models.CheckConstraint(
                condition=~Q(action="discarded", why=""), name="quarantine_step_has_reason"
            ),
        ]


class Opening(models.Model):
    """Balances that were taken over from another system, once; `digest` is that of its tables."""

    digest = _digest(primary_key=True)
    recorded = models.BigIntegerField()
    actor = _name()
    entries = models.BigIntegerField()
    summary = models.TextField()

    class Meta:
        db_table = "opening"


class Load(models.Model):
    """The publication of one source file's readings; `seq` orders them, without a hole."""

    seq = models.BigIntegerField(primary_key=True)
    source = models.OneToOneField(SourceFile, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "load"


class Compaction(models.Model):
    """Many files of a month and bucket became one, without a change of what they say."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.BigIntegerField()
    actor = _name()
    why = models.CharField(max_length=10)

    class Meta:
        db_table = "compaction"
        constraints = [
            models.CheckConstraint(
                condition=Q(why__in=["compact", "rebuild"]), name="compaction_why"
            )
        ]


class ReadingFile(models.Model):
    """The manifest: an immutable Parquet file of one month and bucket.

    It holds what one load brought; or, made by a `compaction`, what many did until `load`.
    """

    load = _link("Load")
    compaction = _link("Compaction", null=True)
    kind = models.CharField(max_length=10)
    month = models.CharField(max_length=7)
    bucket = models.IntegerField()
    path = models.CharField(max_length=200, unique=True)
    rows = models.BigIntegerField()
    digest = _digest()
    first_utc = models.BigIntegerField()
    last_utc = models.BigIntegerField()

    class Meta:
        db_table = "reading_file"
        indexes = [
            models.Index(fields=["kind", "bucket", "first_utc"], name="reading_file_find"),
        ]


class RetiredFile(models.Model):
    """A file whose rows stand in another one since a compaction: nobody starts to read it."""

    file = models.OneToOneField(
        ReadingFile, on_delete=models.PROTECT, related_name="+", primary_key=True
    )
    into = _link("ReadingFile")

    class Meta:
        db_table = "retired_file"


class PrunedFile(models.Model):
    """A retired file that was removed from the disk, or was found missing there."""

    file = models.OneToOneField(
        RetiredFile, on_delete=models.PROTECT, related_name="+", primary_key=True
    )
    at = models.BigIntegerField()
    actor = _name()

    class Meta:
        db_table = "pruned_file"


class MasterVersion(models.Model):
    """The master data as known from some instant on."""

    seq = models.BigIntegerField(primary_key=True)
    digest = _digest()
    recorded = models.BigIntegerField()
    actor = _name()

    class Meta:
        db_table = "master_version"


class MasterTable(models.Model):
    """One table of a master version."""

    version = _link("MasterVersion")
    name = models.CharField(max_length=40)
    path = models.CharField(max_length=200)
    rows = models.BigIntegerField()
    digest = _digest()

    class Meta:
        db_table = "master_table"
        constraints = [
            models.UniqueConstraint(fields=["version", "name"], name="master_table_once")
        ]


class RebillPlan(models.Model):
    """What a tariff version would change on the bills of its days: `document` is the version's.

    The file at `path` says it bill by bill, and `id` begins its digest. `actor` made it.
    """

    id = models.CharField(max_length=16, primary_key=True)
    tariff = models.CharField(max_length=64)
    document = _digest()
    path = models.CharField(max_length=200)
    digest = _digest(unique=True)
    at = models.BigIntegerField()
    actor = _name()

    class Meta:
        db_table = "rebill_plan"
        indexes = [models.Index(fields=["document"], name="rebill_plan_document")]


class RebillApproval(models.Model):
    """Somebody who did not make a plan approved it; two people have to."""

    plan = _link("RebillPlan")
    at = models.BigIntegerField()
    actor = _name()
    why = models.TextField()

    class Meta:
        db_table = "rebill_approval"
        constraints = [
            models.UniqueConstraint(fields=["plan", "actor"], name="rebill_approval_once"),
            models.CheckConstraint(condition=~Q(why=""), name="rebill_approval_has_reason"),
        ]


class TariffDocument(models.Model):
    """A tariff version; the versions of one tariff never overlap.

    But for one with a `plan`: on its days it stands in place of the earlier ones.
    """

    seq = models.BigAutoField(primary_key=True)
    tariff = models.CharField(max_length=64)
    digest = _digest(unique=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)
    path = models.CharField(max_length=200)
    recorded = models.BigIntegerField()
    actor = _name()
    plan = models.OneToOneField(RebillPlan, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        db_table = "tariff_document"
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="tariff_document_not_empty",
            )
        ]


# --------------------------------------------------- steps 3-9: runs and releases


class Run(models.Model):
    """A sealed run; its tables are in its folder. `actor` prepared it."""

    id = models.CharField(max_length=80, primary_key=True)
    period_from = models.DateField()
    period_to = models.DateField()
    scope_digest = _digest()
    root = _digest()
    done_digest = _digest()
    parent = _link("Run", null=True)
    actor = _name()
    recorded = models.BigIntegerField()
    closed = models.BigIntegerField(null=True)

    class Meta:
        db_table = "run"


class RunBill(models.Model):
    """A bill of a run, the leaf that an approval binds, and its state."""

    run = _link("Run")
    bill = _name()
    account = _name()
    leaf = _digest()
    state = models.CharField(max_length=12)
    reason = models.TextField(default="")
    must_hold = models.BooleanField(default=False)

    class Meta:
        db_table = "run_bill"
        indexes = [models.Index(fields=["bill"], name="run_bill_bill")]
        constraints = [models.UniqueConstraint(fields=["run", "bill"], name="run_bill_once")]


class Decision(models.Model):
    """What a person decided about a bill: release, hold or exclude; and why."""

    run = _link("Run")
    bill = _name()
    leaf = _digest()
    action = models.CharField(max_length=10)
    actor = _name()
    at = models.BigIntegerField()
    why = models.TextField()

    class Meta:
        db_table = "decision"
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=["release", "hold", "exclude"]), name="decision_action"
            ),
            models.CheckConstraint(condition=~Q(why=""), name="decision_has_reason"),
        ]


class Release(models.Model):
    """A signed, immutable list of bills that may be issued. `actor` approved it."""

    id = models.CharField(max_length=80, primary_key=True)
    run = _link("Run")
    root = _digest()
    list_digest = _digest()
    signature = models.TextField()
    actor = _name()
    at = models.BigIntegerField()

    class Meta:
        db_table = "release"


class ReleaseItem(models.Model):
    """One bill of a release, with the leaf that was approved and who or what let it go."""

    release = _link("Release")
    bill = _name()
    leaf = _digest()
    decision = _name()

    class Meta:
        db_table = "release_item"
        constraints = [
            models.UniqueConstraint(fields=["release", "bill"], name="release_item_once")
        ]


# ---------------------------------------------------------------- step 10: issue


class Leaf(models.Model):
    """A leaf of the proof tree: indices are dense, from 0."""

    index = models.BigIntegerField(primary_key=True)
    hash = _digest()
    kind = models.CharField(max_length=20)
    subject = _name()

    class Meta:
        db_table = "leaf"


class Head(models.Model):
    """A signed head over the first `size` leaves."""

    size = models.BigIntegerField(primary_key=True)
    root = _digest()
    checkpoint = models.TextField()
    recorded = models.BigIntegerField()

    class Meta:
        db_table = "head"


class IssuedBill(models.Model):
    """An issued bill: numbered once, never edited. Its record is a line of a record file."""

    number = models.CharField(max_length=60, primary_key=True)
    series = models.CharField(max_length=40)
    serial = models.BigIntegerField()
    bill = _name()
    version = models.IntegerField(default=0)
    account = _name()
    run = _link("Run")
    release = _link("Release")
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    period_from = models.DateField()
    period_to = models.DateField()
    issued = models.DateField()
    due = models.DateField()
    record_path = models.CharField(max_length=200)
    record_offset = models.BigIntegerField()
    record_size = models.BigIntegerField()
    leaf = models.OneToOneField(Leaf, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "issued_bill"
        indexes = [models.Index(fields=["account", "serial"], name="issued_bill_account")]
        constraints = [
            models.UniqueConstraint(fields=["series", "serial"], name="issued_bill_number_once"),
            models.UniqueConstraint(fields=["bill", "version"], name="issued_bill_once"),
        ]


class IssuedSegment(models.Model):
    """An agreement's issued period; live ones of one agreement never overlap."""

    bill = _link("IssuedBill")
    segment = _name()
    agreement = _name()
    metering_point = _name()
    date_from = models.DateField()
    date_to = models.DateField()
    start_utc = models.BigIntegerField()
    end_utc = models.BigIntegerField()
    version = models.IntegerField(default=0)
    live = models.BooleanField(default=True)

    class Meta:
        db_table = "issued_segment"
        indexes = [
            models.Index(fields=["agreement", "date_from"], name="issued_segment_agreement"),
            models.Index(fields=["metering_point", "start_utc"], name="issued_segment_point"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "date_from", "date_to", "version"], name="issued_segment_once"
            ),
            models.CheckConstraint(
                condition=Q(date_to__gt=F("date_from")) & Q(end_utc__gt=F("start_utc")),
                name="issued_segment_not_empty",
            ),
        ]


class RebillProposal(models.Model):
    """What came after a bill was issued changes its period: somebody may rebill it.

    Readings, of the file `source`; or prices, of the version `tariff`, by its plan.
    """

    bill = _link("IssuedBill")
    segment = _name()
    source = _link("SourceFile", null=True)
    tariff = _link("TariffDocument", null=True)
    at = models.BigIntegerField()

    class Meta:
        db_table = "rebill_proposal"
        constraints = [
            models.UniqueConstraint(
                fields=["bill", "segment", "source"], name="rebill_proposal_once"
            ),
            models.UniqueConstraint(
                fields=["bill", "segment", "tariff"], name="rebill_proposal_tariff_once"
            ),
            models.CheckConstraint(
                condition=Q(source__isnull=False, tariff__isnull=True)
                | Q(source__isnull=True, tariff__isnull=False),
                name="rebill_proposal_of_one",
            ),
        ]


class RebillStep(models.Model):
    """How a proposal was closed: once, by whom, when, why."""

    proposal = _link("RebillProposal")
    at = models.BigIntegerField()
    actor = _name()
    why = models.TextField()

    class Meta:
        db_table = "rebill_step"
        constraints = [
            models.UniqueConstraint(fields=["proposal"], name="rebill_step_closes_once"),
            models.CheckConstraint(condition=~Q(why=""), name="rebill_step_has_reason"),
        ]


class LedgerAccount(models.Model):
    """An account of the ledger: receivable, bank, revenue.energy, tax.vat …"""

    code = models.CharField(max_length=80, primary_key=True)

    class Meta:
        db_table = "ledger_account"


class Entry(models.Model):
    """A posting: `amount` from credit to debit, always above zero, so the books always balance.

    `account` is the customer; entries of one business act share `transaction`.
    """

    transaction = models.CharField(max_length=120)
    line = models.IntegerField()
    kind = models.CharField(max_length=12)
    debit = _link("LedgerAccount")
    credit = _link("LedgerAccount")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    account = _name()
    bill = _link("IssuedBill", null=True)
    service_from = models.DateField(null=True)
    service_to = models.DateField(null=True)
    posted = models.DateField()
    due = models.DateField(null=True)
    memo = models.CharField(max_length=300, default="")

    class Meta:
        db_table = "entry"
        indexes = [models.Index(fields=["account"], name="entry_account")]
        constraints = [
            models.UniqueConstraint(fields=["transaction", "line"], name="entry_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="entry_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="entry_two_accounts"),
            models.CheckConstraint(
                condition=Q(kind__in=["bill", "payment", "adjustment"]), name="entry_kind"
            ),
        ]


class Outbox(models.Model):
    """What is still to be sent or drawn for an issued bill: at least one attempt, one effect."""

    bill = _link("IssuedBill")
    kind = models.CharField(max_length=40)
    copy = models.IntegerField(default=0)
    attempts = models.IntegerField(default=0)
    done = models.BigIntegerField(null=True)
    path = models.CharField(max_length=200, default="")
    digest = _digest(default="")

    class Meta:
        db_table = "outbox"
        indexes = [models.Index(fields=["done", "id"], name="outbox_pending")]
        constraints = [models.UniqueConstraint(fields=["bill", "kind", "copy"], name="outbox_once")]


class PersonKey(models.Model):
    """The key of a customer's commitments; deleting it makes them unreadable for good."""

    account = models.CharField(max_length=200, primary_key=True)
    key = models.BinaryField()

    class Meta:
        db_table = "person_key"


class HistoryFile(models.Model):
    """The manifest of the history: `issued` (by a release), `opening` or `backfill` rows."""

    seq = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=10)
    path = models.CharField(max_length=200, unique=True)
    rows = models.BigIntegerField()
    digest = _digest()

    class Meta:
        db_table = "history_file"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["issued", "opening", "backfill"]), name="history_file_kind"
            )
        ]
