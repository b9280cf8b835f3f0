"""Other products of the same catalogue: bundles and variants. It is read when a studio first asks; what nobody asks about is
not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from studio.errors import NotFound, RowError
from studio.product import Product
from templates.shotlist import Relatives


class Asked:
    """Relatives that count how often they are asked: what then came of a product is not the product's own doing."""

    def __init__(self, relatives: Relatives) -> None:
        self._relatives = relatives
        self.count = 0

    def product(self, sku: str) -> Product:
        """Another product. Raises NotFound."""
        self.count += 1
        return self._relatives.product(sku)

    def variants(self, of: str) -> Sequence[Product]:
        """Variants of something."""
        self.count += 1
        return self._relatives.variants(of)


class CatalogueRelatives:
    """`rows` opens the catalogue anew at each call. Broken rows are passed over: whoever reads the catalogue reports them."""

    def __init__(self, rows: Callable[[], Iterable[Product | RowError]]) -> None:
        self._rows = rows

    def product(self, sku: str) -> Product:
        """A product that some bundle names. Raises NotFound."""
        found = self._bundled.get(sku)
        if found is None:
            raise NotFound(f"no product with SKU {sku!r} in the catalogue")
        return found

    def variants(self, of: str) -> Sequence[Product]:
        """All that say they are variants of `of`, in the catalogue's order."""
        return self._families.get(of, ())

    @cached_property
    def _bundled(self) -> dict[str, Product]:
        named = {sku for product in self._products() for sku in product.bundle}
        return {product.sku: product for product in self._products() if product.sku in named} if named else {}

    @cached_property
    def _families(self) -> dict[str, list[Product]]:
        found: dict[str, list[Product]] = {}
        for product in self._products():
            if product.variant_of:
                found.setdefault(product.variant_of, []).append(product)
        return found

    def _products(self) -> Iterable[Product]:
        return (row for row in self._rows() if isinstance(row, Product))
