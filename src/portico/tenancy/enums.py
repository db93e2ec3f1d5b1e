from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class OrganizationKind(models.TextChoices):
    OPERATOR = "operator", _("platform operator")
    DISTRIBUTOR = "distributor", _("distributor")
    SUB_DISTRIBUTOR = "sub_distributor", _("sub-distributor")
    INSTALLER = "installer", _("installer")


class Role(models.TextChoices):
    OWNER = "owner", _("owner")
    STAFF = "staff", _("staff")
