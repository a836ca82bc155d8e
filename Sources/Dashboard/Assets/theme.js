// Runs before the page is painted, so that it never flashes in the wrong colours: the reader's choice, else the system's.
{
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const root = document.documentElement;
    const asked = new URLSearchParams(location.search);
    const apply = () => {
        const chosen = asked.get('theme') ?? localStorage.getItem('weir.theme');
        const theme = ['light', 'dark'].includes(chosen) ? chosen : dark.matches ? 'dark' : 'light';
        if (root.dataset.theme === theme) return;
        root.dataset.theme = theme;
        dispatchEvent(new Event('weir-theme'));
    };
    dark.addEventListener('change', apply);
    addEventListener('storage', apply);
    addEventListener('weir-theme-chosen', apply);
    if (asked.has('kiosk')) root.dataset.kiosk = '';
    apply();
}
